"""``pvdify domains:grants``, ``domains:grant`` and ``domains:revoke``: the hostnames that an app may claim."""

import click

from pvdify.cli import output
from pvdify.cli.command import app_option, app_parameter, command
from pvdify.cli.commands.domains import ChangeOptions, ListOptions
from pvdify.cli.exit_codes import DONE
from pvdify.cli.io import Io, Surroundings
from pvdify.cli.moments import moment
from pvdify.cli.words import split
from pvdify.client.api import Client


def run_list(options: ListOptions, client: Client, io: Io) -> int:
    """Show the granted hostnames."""
    found = client.domain_grants(options.app)
    if options.as_json:
        io.show_json({"grants": found})
    elif found:
        rows = [(it.hostname, moment(it.created_at, io), it.created_by) for it in found]
        io.show(output.table(("HOSTNAME", "GRANTED", "BY"), rows))
    else:
        io.say(f"{options.app} may claim its own hostname alone; more: pvdify domains:grant {options.app} HOSTNAME")
    return DONE


def run_grant(options: ChangeOptions, client: Client, io: Io) -> int:
    """Grant a hostname. Repeating the command is harmless."""
    granted = client.grant_domain(options.app, options.hostname)
    if options.as_json:
        io.show_json(granted)
    else:
        io.show(f"{options.app} may claim {granted.hostname}")
    io.say(f"undo: pvdify domains:revoke {options.app} {granted.hostname}")
    return DONE


def run_revoke(options: ChangeOptions, client: Client, io: Io) -> int:
    """Revoke a grant."""
    client.revoke_domain(options.app, options.hostname)
    if options.as_json:
        io.show_json({"app": options.app, "hostname": options.hostname, "status": "revoked"})
    else:
        io.show(f"{options.app} may no longer claim {options.hostname}; what it answers to now was not changed")
    io.say(f"undo: pvdify domains:grant {options.app} {options.hostname}")
    return DONE


@command("domains:grants", run=run_list, example="pvdify domains:grants myapp")
@app_parameter
def domains_grants(*, app: str, as_json: bool) -> ListOptions:
    """Show the hostnames that APP may claim besides its own."""
    return ListOptions(app=app, as_json=as_json)


@command("domains:grant", run=run_grant, example="pvdify domains:grant myapp www.example.com")
@click.argument("words", metavar="[APP] HOSTNAME", nargs=-1)
@app_option
@click.pass_obj
def domains_grant(
    surroundings: Surroundings, *, words: tuple[str, ...], app: str | None, as_json: bool
) -> ChangeOptions:
    """Allow deploys and tokens of APP to claim a hostname.

    A token for one app may claim APP.BASE-DOMAIN and granted hostnames. If a token for the whole server claims a
    hostname, that also grants it. APP need not exist yet.
    """
    return _change(surroundings, words, app, "domains:grant", as_json=as_json)


@command("domains:revoke", run=run_revoke, example="pvdify domains:revoke myapp www.example.com")
@click.argument("words", metavar="[APP] HOSTNAME", nargs=-1)
@app_option
@click.pass_obj
def domains_revoke(
    surroundings: Surroundings, *, words: tuple[str, ...], app: str | None, as_json: bool
) -> ChangeOptions:
    """Revoke the permission of APP to claim a hostname.

    Hostnames that the app already has stay: remove them with `pvdify domains:remove`, or from its manifest.
    """
    return _change(surroundings, words, app, "domains:revoke", as_json=as_json)


def _change(
    surroundings: Surroundings, words: tuple[str, ...], app: str | None, command: str, *, as_json: bool
) -> ChangeOptions:
    name, (hostname,) = split(words, app, surroundings, command=command, values="HOSTNAME")
    return ChangeOptions(app=name, hostname=hostname, as_json=as_json)
