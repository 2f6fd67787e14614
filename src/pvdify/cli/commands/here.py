"""``pvdify`` alone: show the server and app that commands here use, what is live, and the next commands."""

from dataclasses import dataclass, replace

import click

from pvdify.cli import app_name, output
from pvdify.cli.app_name import ImpliedApp
from pvdify.cli.command import command
from pvdify.cli.exit_codes import DONE
from pvdify.cli.io import Io, Surroundings
from pvdify.cli.moments import moment
from pvdify.client.api import Client
from pvdify.client.target import DEFAULT_URL
from pvdify.errors import NotFoundError, PvdifyError

ALL_COMMANDS = "pvdify help    # all commands"


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of ``pvdify`` alone. ``app``: the app that commands here use if none is named."""

    app: ImpliedApp | None
    as_json: bool


@dataclass(frozen=True, kw_only=True)
class Place:
    """Facts by name, and the commands to type next."""

    facts: dict[str, str]
    next: tuple[str, ...]


def run(options: Options, client: Client, io: Io) -> int:
    """Show the facts. An unreachable server is one of the facts, not a failure."""
    place = find(options.app, client, replace(io, is_stdout_terminal=io.is_stdout_terminal and not options.as_json))
    if options.as_json:
        io.show_json({**place.facts, "next": place.next})
        return DONE
    io.show(output.facts(place.facts.items()))
    io.say("\nnext:\n" + "\n".join(f"  {line}" for line in (*place.next, ALL_COMMANDS)))
    return DONE


@command("here", run=run, example="pvdify")
@click.pass_obj
def here(surroundings: Surroundings, *, as_json: bool) -> Options:
    """Show which server and app commands typed here are about."""
    return Options(app=app_name.implied(surroundings), as_json=as_json)


def find(implied: ImpliedApp | None, client: Client, io: Io) -> Place:
    """Ask the server what is live. ``io`` decides how moments are written."""
    target = client.target
    app = "none: no PVDIFY_APP, pvdify.yml or git remote" if implied is None else f"{implied.name} ({implied.origin})"
    if target.endpoint.url == DEFAULT_URL and target.token is None:
        steps = ("pvdify login --url URL", "sudo pvdify server install    # on a server of your own")
        return Place(facts={"server": "none yet", "app": app}, next=steps)
    facts = {"server": target.endpoint.url, "app": app}
    try:
        facts["server"] += f" as {client.whoami().name}"
        if implied is None:
            return Place(facts=facts, next=("pvdify apps", "pvdify deploy APP --image REF"))
        return _of_app(implied.name, facts, client, io)
    except NotFoundError:
        name = "APP" if implied is None else implied.name
        return Place(facts={**facts, "status": "not on this server"}, next=(f"pvdify deploy {name} --image REF",))
    except PvdifyError as error:
        problem = f"{error.what}: {error.why}" if error.why else error.what
        return Place(facts={**facts, "problem": problem}, next=(error.next or "pvdify status",))


def _of_app(name: str, facts: dict[str, str], client: Client, io: Io) -> Place:
    app, releases = client.app(name), client.releases(name, limit=1)
    facts["status"] = app.status
    if releases:
        newest = releases[0]
        facts["last release"] = f"v{newest.version} {newest.status}, {moment(newest.created_at, io)}, {newest.image}"
    facts["url"] = app.url or output.NONE
    if app.release is None:
        return Place(facts=facts, next=(f"pvdify deploy {name} --image REF",))
    steps = (f"pvdify logs {name} --follow", f"pvdify deploy {name} --image REF", f"pvdify rollback {name}")
    return Place(facts=facts, next=steps)
