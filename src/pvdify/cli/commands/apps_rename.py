"""``pvdify apps:rename``: rename an app."""

from dataclasses import dataclass

import click

from pvdify.cli import words
from pvdify.cli.command import app_option, command
from pvdify.cli.exit_codes import DONE
from pvdify.cli.io import Io, Surroundings
from pvdify.client.api import Client


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of ``pvdify apps:rename``.

    ``app``: the current name. ``keeps_hostname``: the app also keeps the hostname of its current name.
    """

    app: str
    name: str
    keeps_hostname: bool
    as_json: bool


def run(options: Options, client: Client, io: Io) -> int:
    """Rename the app, and print what changes with its name."""
    before = client.domains(options.app)
    renamed = client.rename_app(options.app, options.name, keeps_hostname=options.keeps_hostname)
    if options.as_json:
        io.show_json(renamed)
        return DONE
    io.show(f"{options.app} is called {renamed.name} now" + (f", and is at {renamed.url}" if renamed.url else ""))
    gone = [it.hostname for it in before if it.hostname not in renamed.domains]
    for hostname in gone:
        io.say(f"{hostname} is no longer routed; to get it back: pvdify domains:add {renamed.name} {hostname}")
    io.say(f"write {renamed.name} where {options.app} stands: `app` in pvdify.yml, workflows, PVDIFY_APP")
    io.say(f"instances that run keep their names until the next deploy: pvdify deploy {renamed.name}")
    return DONE


@command("apps:rename", run=run, example="pvdify apps:rename myapp shop\npvdify apps:rename shop -a myapp")
@click.argument("names", metavar="[OLD] NEW", nargs=-1)
@app_option
@click.option("--keep-hostname", "keeps_hostname", is_flag=True, help="Also keep the hostname OLD.BASE-DOMAIN.")
@click.pass_obj
def apps_rename(
    surroundings: Surroundings, names: tuple[str, ...], app: str | None, *, keeps_hostname: bool, as_json: bool
) -> Options:
    """Rename an app, with everything that belongs to it.

    Visitors notice nothing. Config, releases, domains, volumes, jobs, events, previews, tokens, registry logins and
    links to repositories keep working. Only the app's own hostname, OLD.BASE-DOMAIN, changes. OLD stays reserved.
    """
    old, (new,) = words.split(names, app, surroundings, command="apps:rename", values="NEW")
    return Options(app=old, name=new, keeps_hostname=keeps_hostname, as_json=as_json)
