"""``pvdify domains``, ``domains:add`` and ``domains:remove``: an app's hostnames."""

from dataclasses import dataclass

import click

from pvdify.cli import output
from pvdify.cli.command import app_option, app_parameter, command
from pvdify.cli.exit_codes import DONE
from pvdify.cli.io import Io, Surroundings
from pvdify.cli.words import split
from pvdify.client.api import Client
from pvdify.wire.answers import Domain

_ORIGINS = {"app": "its own", "manifest": "pvdify.yml", "added": "domains:add"}


@dataclass(frozen=True, kw_only=True)
class ListOptions:
    """Options of ``pvdify domains``."""

    app: str
    as_json: bool


@dataclass(frozen=True, kw_only=True)
class ChangeOptions:
    """Options of the commands that change an app's hostnames."""

    app: str
    hostname: str
    as_json: bool


def run_list(options: ListOptions, client: Client, io: Io) -> int:
    """Show all hostnames of the app."""
    found = client.domains(options.app)
    if options.as_json:
        io.show_json({"domains": found})
    else:
        io.show(output.table(("HOSTNAME", "FROM", "URL"), map(_row, found), least=("URL",)))
    return DONE


def run_add(options: ChangeOptions, client: Client, io: Io) -> int:
    """Add a hostname. Repeating the command is harmless."""
    added = client.add_domain(options.app, options.hostname)
    if options.as_json:
        io.show_json(added)
    else:
        io.show(f"{options.app} answers to {_name(added)}")
    io.say(f"visitors arrive once its DNS points to this server; undo: pvdify domains:remove {options.app} "
           f"{added.hostname}" if added.origin == "added" else "nothing was changed: it did so already")  # fmt: skip
    return DONE


def run_remove(options: ChangeOptions, client: Client, io: Io) -> int:
    """Remove a hostname that was added."""
    client.remove_domain(options.app, options.hostname)
    if options.as_json:
        io.show_json({"app": options.app, "hostname": options.hostname, "status": "removed"})
    else:
        io.show(f"{options.app} no longer answers to {options.hostname}")
    io.say(f"undo: pvdify domains:add {options.app} {options.hostname}")
    return DONE


@command("domains", run=run_list, example="pvdify domains myapp")
@app_parameter
def domains(*, app: str, as_json: bool) -> ListOptions:
    """Show the hostnames of APP, and where each comes from.

    Its own hostname, those in `domains` of the live release's manifest, and those added with `pvdify domains:add`.
    """
    return ListOptions(app=app, as_json=as_json)


@command("domains:add", run=run_add, example="pvdify domains:add myapp www.example.com")
@click.argument("words", metavar="[APP] HOSTNAME", nargs=-1)
@app_option
@click.pass_obj
def domains_add(surroundings: Surroundings, *, words: tuple[str, ...], app: str | None, as_json: bool) -> ChangeOptions:
    """Add a hostname to APP.

    Deploys do not change it. A hostname belongs to one app. Wildcards are refused: name each hostname.
    """
    return _change(surroundings, words, app, "domains:add", as_json=as_json)


@command("domains:remove", run=run_remove, example="pvdify domains:remove myapp www.example.com")
@click.argument("words", metavar="[APP] HOSTNAME", nargs=-1)
@app_option
@click.pass_obj
def domains_remove(
    surroundings: Surroundings, *, words: tuple[str, ...], app: str | None, as_json: bool
) -> ChangeOptions:
    """Remove a hostname that was added to APP.

    To remove a hostname of the manifest, change pvdify.yml and deploy.
    """
    return _change(surroundings, words, app, "domains:remove", as_json=as_json)


def _change(
    surroundings: Surroundings, words: tuple[str, ...], app: str | None, command: str, *, as_json: bool
) -> ChangeOptions:
    name, (hostname,) = split(words, app, surroundings, command=command, values="HOSTNAME")
    return ChangeOptions(app=name, hostname=hostname, as_json=as_json)


def _row(domain: Domain) -> tuple[str, ...]:
    return _name(domain), _ORIGINS.get(domain.origin, domain.origin), domain.url


def _name(domain: Domain) -> str:
    return domain.hostname if domain.readable == domain.hostname else f"{domain.readable} ({domain.hostname})"
