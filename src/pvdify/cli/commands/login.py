"""``pvdify login``: save a server and a token for later commands."""

from dataclasses import dataclass
from pathlib import Path

import click

from pvdify.cli.command import command
from pvdify.cli.exit_codes import DONE
from pvdify.cli.io import Io, Surroundings, typed
from pvdify.client import saved_login
from pvdify.client.api import Client
from pvdify.client.target import Target
from pvdify.errors import NotSignedIn


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of ``pvdify login``.

    ``is_token_piped``: read the token from stdin even at a terminal. ``file``: the file of saved logins.
    """

    is_token_piped: bool
    file: Path
    as_json: bool


def run(options: Options, client: Client, io: Io) -> int:
    """Read a token, check it with the server, then save it."""
    endpoint = client.target.endpoint
    # Check before the user types a token that could not be sent.
    endpoint.check_secrecy()
    if options.is_token_piped or not io.is_stdin_terminal:
        client.target.check_chosen()  # at a terminal, the prompt for the token names the server
    token = _token(options, endpoint.url, io)
    identity = client.with_target(Target(endpoint=endpoint, token=token)).whoami()
    saved_login.save(options.file, saved_login.load(options.file).with_login(endpoint.url, token))
    if options.as_json:
        io.show_json({"url": endpoint.url, "name": identity.name, "role": identity.role, "app": identity.app})
    else:
        io.show(f"signed in to {endpoint.url} as {identity.name} ({identity.role}, {identity.app or 'all apps'})")
    return DONE


@command(
    "login",
    run=run,
    example="pvdify login --url https://pvdify.example.com\npvdify login --token-stdin < token.txt",
)
@click.option("--token-stdin", is_flag=True, help="Read the token from stdin; the default when stdin is a pipe.")
@click.pass_obj
def login(surroundings: Surroundings, *, token_stdin: bool, as_json: bool) -> Options:
    """Sign in to a server and save the token.

    The token is checked, then saved below ~/.config/pvdify (mode 0600). All commands then use this server;
    `pvdify servers` lists all saved servers.
    """
    file = saved_login.login_file(surroundings.environ)
    return Options(is_token_piped=token_stdin, file=file, as_json=as_json)


def _token(options: Options, url: str, io: Io) -> str:
    if options.is_token_piped or not io.is_stdin_terminal:
        token = typed(io.stdin.readline).strip()
    else:
        token = io.ask_secret(f"Token for {url} (not shown): ").strip()
    if not token:
        raise NotSignedIn(
            "no token was given",
            why="stdin was empty",
            next="`pvdify tokens:create` on the server makes one; its first is in DATA_DIR/admin.token",
        )
    return token
