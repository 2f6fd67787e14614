"""``pvdify servers`` and the commands ``servers:…``: names of servers, for ``--server NAME`` and as the default."""

import re
from dataclasses import dataclass
from pathlib import Path

import click

from pvdify.cli import output
from pvdify.cli.command import local_command
from pvdify.cli.exit_codes import DONE
from pvdify.cli.io import Io, Surroundings
from pvdify.cli.misuse import Misuse
from pvdify.client import saved_login
from pvdify.client.endpoint import parse_url
from pvdify.client.saved_login import SavedLogins
from pvdify.client.target import server_not_found

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of these commands. ``file``: the file of saved logins; ``url``: only for ``servers:add``."""

    file: Path
    name: str = ""
    url: str = ""
    as_json: bool


def run_list(options: Options, io: Io) -> int:
    """Show the servers that are known by name."""
    saved = saved_login.load(options.file)
    if options.as_json:
        io.show_json({"servers": [_server(name, saved) for name in saved.names]})
    elif saved.names:
        rows = [(name, url, _login(url, saved), "yes" if url == saved.url else output.NONE)
                for name, url in saved.names.items()]  # fmt: skip
        io.show(output.table(("SERVER", "URL", "SIGNED IN", "IN USE"), rows))
    else:
        io.say("no servers yet; to sign in to one: pvdify login --url URL")
    return DONE


def run_add(options: Options, io: Io) -> int:
    """Save a server under a name."""
    endpoint = parse_url(options.url)
    endpoint.check_secrecy()
    saved = saved_login.load(options.file)
    known = saved.names.get(options.name)
    if known not in (None, endpoint.url):
        raise Misuse(f"{options.name} is {known} already", next=f"pvdify servers:remove {options.name}")
    changed = saved.with_server(options.name, endpoint.url)
    saved_login.save(options.file, changed)
    _report(f"{options.name} is {endpoint.url}", options, changed, io)
    if endpoint.url not in changed.tokens:
        io.say(f"to sign in: pvdify login --server {options.name}")
    return DONE


def run_use(options: Options, io: Io) -> int:
    """Use this server for commands from now on."""
    changed = _known(options).using(options.name)
    saved_login.save(options.file, changed)
    _report(f"commands ask {options.name} ({changed.url}) from now on", options, changed, io)
    return DONE


def run_remove(options: Options, io: Io) -> int:
    """Delete a server and its token from the saved logins."""
    before = _known(options)
    changed = before.without(options.name)
    saved_login.save(options.file, changed)
    if options.as_json:
        io.show_json({"name": options.name, "status": "removed"})
    else:
        io.show(f"{options.name} is forgotten here, with its token")
    if before.names[options.name] not in changed.tokens:
        io.say("the token is still good on the server: an admin revokes it with `pvdify tokens:revoke`")
    return DONE


@local_command("servers", run=run_list, example="pvdify servers\npvdify apps --server staging")
@click.pass_obj
def servers(surroundings: Surroundings, *, as_json: bool) -> Options:
    """Show the servers known by name, and which one is in use.

    `--server NAME` asks another one, for one command.
    """
    return Options(file=saved_login.login_file(surroundings.environ), as_json=as_json)


@local_command("servers:add", run=run_add, example="pvdify servers:add staging https://staging.example.com")
@click.argument("name")
@click.argument("url")
@click.pass_obj
def servers_add(surroundings: Surroundings, *, name: str, url: str, as_json: bool) -> Options:
    """Give the server at URL a name.

    `pvdify login --server NAME` signs in to it.
    """
    if not _NAME.fullmatch(name):
        raise click.UsageError(f'"{name}" cannot be a name; write letters, digits, dots, dashes and underscores')
    return Options(file=saved_login.login_file(surroundings.environ), name=name, url=url, as_json=as_json)


@local_command("servers:use", run=run_use, example="pvdify servers:use staging")
@click.argument("name")
@click.pass_obj
def servers_use(surroundings: Surroundings, *, name: str, as_json: bool) -> Options:
    """Select the server that commands use."""
    return Options(file=saved_login.login_file(surroundings.environ), name=name, as_json=as_json)


@local_command("servers:remove", run=run_remove, example="pvdify servers:remove staging")
@click.argument("name")
@click.pass_obj
def servers_remove(surroundings: Surroundings, *, name: str, as_json: bool) -> Options:
    """Remove the server NAME and its saved token.

    Nothing changes on the server.
    """
    return Options(file=saved_login.login_file(surroundings.environ), name=name, as_json=as_json)


def _known(options: Options) -> SavedLogins:
    saved = saved_login.load(options.file)
    if options.name not in saved.names:
        raise server_not_found(options.name, saved)
    return saved


def _report(text: str, options: Options, saved: SavedLogins, io: Io) -> None:
    if options.as_json:
        io.show_json(_server(options.name, saved))
    else:
        io.show(text)


def _server(name: str, saved: SavedLogins) -> dict[str, object]:
    url = saved.names[name]
    return {"name": name, "url": url, "is_signed_in": url in saved.tokens, "is_in_use": url == saved.url}


def _login(url: str, saved: SavedLogins) -> str:
    if url in saved.tokens:
        return "yes"
    return "not needed" if url.startswith("unix:") else "no"
