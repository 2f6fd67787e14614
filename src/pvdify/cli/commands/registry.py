"""``pvdify registry``, ``registry:login`` and ``registry:logout``: logins that let the server pull private images."""

from dataclasses import dataclass

import click

from pvdify.cli import output
from pvdify.cli.command import command
from pvdify.cli.exit_codes import DONE
from pvdify.cli.io import Io, typed
from pvdify.cli.moments import moment
from pvdify.client.api import Client
from pvdify.wire.answers import Registry
from pvdify.wire.requests import LogInToRegistry

_APP = click.option("-a", "--app", metavar="APP", help="Only for this app and its previews; default: for all apps.")


@dataclass(frozen=True, kw_only=True)
class ListOptions:
    """Options of ``pvdify registry``."""

    as_json: bool


@dataclass(frozen=True, kw_only=True)
class LoginOptions:
    """Options of ``pvdify registry:login``. The password is read from stdin."""

    host: str
    username: str
    app: str | None
    as_json: bool


@dataclass(frozen=True, kw_only=True)
class LogoutOptions:
    """Options of ``pvdify registry:logout``."""

    host: str
    app: str | None
    as_json: bool


def run_list(options: ListOptions, client: Client, io: Io) -> int:
    """Show the registries that the server is logged in to."""
    found = client.registries()
    if options.as_json:
        io.show_json({"registries": found})
    elif found:
        io.show(output.table(("HOST", "USER", "APP", "SINCE", "BY"), (_row(it, io) for it in found)))
    else:
        io.say("signed in to no registry; for private images: pvdify registry:login HOST -u USER")
    return DONE


def run_login(options: LoginOptions, client: Client, io: Io) -> int:
    """Log the server in to a registry."""
    if io.is_stdin_terminal:
        password = io.ask_secret(f"password or access token of {options.username}: ")
    else:
        password = typed(io.stdin.read).removesuffix("\n").removesuffix("\r")
    login = LogInToRegistry(username=options.username, password=password, app=options.app)
    registry = client.log_in_to_registry(options.host, login)
    if options.as_json:
        io.show_json(registry)
    else:
        io.show(f"signed in to {registry.host} as {registry.username}{_for(options.app)}")
    io.say(f"undo: pvdify registry:logout {registry.host}" + (f" --app {options.app}" if options.app else ""))
    return DONE


def run_logout(options: LogoutOptions, client: Client, io: Io) -> int:
    """Log the server out of a registry."""
    client.log_out_of_registry(options.host, options.app)
    if options.as_json:
        io.show_json({"host": options.host, "status": "signed-out"})
    else:
        io.show(f"signed out of {options.host}{_for(options.app)}; images that are on the server stay there")
    return DONE


@command("registry", run=run_list, example="pvdify registry")
def registry(*, as_json: bool) -> ListOptions:
    """Show which registries the server signs in to."""
    return ListOptions(as_json=as_json)


@command("registry:list", run=run_list, example="pvdify registry:list")
def registry_list(*, as_json: bool) -> ListOptions:
    """The same as `pvdify registry`."""
    return ListOptions(as_json=as_json)


@command(
    "registry:login",
    run=run_login,
    example="pvdify registry:login ghcr.io -u octocat             # asks for the access token\n"
    'printf %s "$TOKEN" | pvdify registry:login ghcr.io -u octocat',
)
@click.argument("host", metavar="HOST")
@click.option("-u", "--username", required=True, metavar="USER", help="The user name at the registry.")
@_APP
def registry_login(*, host: str, username: str, app: str | None, as_json: bool) -> LoginOptions:
    """Log the server in to a registry, for private images.

    The password is read from stdin; use an access token that may only read. It is stored only if the registry accepts
    it, encrypted.
    """
    return LoginOptions(host=_checked(host), username=username, app=app, as_json=as_json)


@command("registry:logout", run=run_logout, example="pvdify registry:logout ghcr.io")
@click.argument("host", metavar="HOST")
@_APP
def registry_logout(*, host: str, app: str | None, as_json: bool) -> LogoutOptions:
    """Log the server out of a registry."""
    return LogoutOptions(host=_checked(host), app=app, as_json=as_json)


def _checked(host: str) -> str:
    bare = host.removeprefix("https://").removeprefix("http://").rstrip("/")
    if not bare or "/" in bare:
        raise click.BadParameter(f'"{host}" is not a host; of ghcr.io/org/app it is ghcr.io', param_hint="HOST")
    return bare


def _for(app: str | None) -> str:
    return f" for {app}" if app else ""


def _row(it: Registry, io: Io) -> tuple[str, ...]:
    return it.host, it.username, it.app or "all", moment(it.created_at, io), it.created_by
