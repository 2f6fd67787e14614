"""``pvdify tokens``, ``tokens:create`` and ``tokens:revoke``: tokens for the API."""

from dataclasses import dataclass
from typing import Literal, cast

import click

from pvdify.cli import app_name, output
from pvdify.cli.command import command
from pvdify.cli.exit_codes import DONE
from pvdify.cli.io import Io
from pvdify.cli.moments import moment
from pvdify.cli.parameters import duration
from pvdify.client.api import Client
from pvdify.wire.answers import Token
from pvdify.wire.requests import CreateToken

Role = Literal["admin", "deploy", "read"]


@dataclass(frozen=True, kw_only=True)
class ListOptions:
    """Options of ``pvdify tokens``."""

    as_json: bool


@dataclass(frozen=True, kw_only=True)
class CreateOptions:
    """Options of ``pvdify tokens:create``."""

    wanted: CreateToken
    as_json: bool


@dataclass(frozen=True, kw_only=True)
class RevokeOptions:
    """Options of ``pvdify tokens:revoke``."""

    token_id: str
    as_json: bool


def run_list(options: ListOptions, client: Client, io: Io) -> int:
    """Show all tokens without their secrets."""
    found = client.tokens()
    if options.as_json:
        io.show_json({"tokens": found})
    elif found:
        io.show(
            output.table(
                ("ID", "NAME", "ROLE", "APP", "CREATED", "BY", "EXPIRES", "LAST USED"),
                (_row(token, io) for token in found),
            )
        )
    else:
        io.say("no tokens; to make one: pvdify tokens:create --name NAME")
    return DONE


def run_create(options: CreateOptions, client: Client, io: Io) -> int:
    """Create a token and print it; it cannot be shown again."""
    made = client.create_token(options.wanted)
    if options.as_json:
        io.show_json(made)
    else:
        io.show(made.token)
    until = "never expires" if made.expires_at is None else f"expires {moment(made.expires_at, io)}"
    io.say(f'"{made.name}" ({made.role}, {made.app or "all apps"}) {until}; it is not shown again')
    io.say(f"to take it back: pvdify tokens:revoke {made.id}")
    return DONE


def run_revoke(options: RevokeOptions, client: Client, io: Io) -> int:
    """Revoke a token."""
    client.revoke_token(options.token_id)
    if options.as_json:
        io.show_json({"id": options.token_id, "status": "revoked"})
    else:
        io.show(f"{options.token_id} is revoked")
    return DONE


@command("tokens", run=run_list, example="pvdify tokens")
def tokens(*, as_json: bool) -> ListOptions:
    """Show all tokens, without their secrets."""
    return ListOptions(as_json=as_json)


@command("tokens:create", run=run_create, example="pvdify tokens:create --name ci --app myapp --expires 90d")
@click.option("--name", required=True, metavar="NAME", help="What it is for, such as ci.")
@click.option("-a", "--app", metavar="APP", help="The only app that the token may use; default: all.")
@click.option(
    "--role",
    type=click.Choice(("admin", "deploy", "read")),
    default="deploy",
    show_default=True,
    help="What it may do.",
)
@click.option("--expires", type=duration, metavar="90d", help="How long the token is valid; default: forever.")
def tokens_create(*, name: str, app: str | None, role: str, expires: int | None, as_json: bool) -> CreateOptions:
    """Create a token and print it.

    The token is shown only once; the server stores its hash.
    """
    only = None if app is None else app_name.check(app)
    wanted = CreateToken(name=name, role=cast("Role", role), app=only, expires_in=expires)
    return CreateOptions(wanted=wanted, as_json=as_json)


@command("tokens:revoke", run=run_revoke, example="pvdify tokens:revoke 3f9a2c")
@click.argument("token_id", metavar="ID")
def tokens_revoke(*, token_id: str, as_json: bool) -> RevokeOptions:
    """Revoke a token.

    `pvdify tokens` shows the ids.
    """
    return RevokeOptions(token_id=token_id, as_json=as_json)


def _row(token: Token, io: Io) -> tuple[str, ...]:
    return (
        token.id,
        token.name,
        token.role,
        token.app or "all",
        moment(token.created_at, io),
        token.created_by,
        "never" if token.expires_at is None else moment(token.expires_at, io),
        moment(token.last_used_at, io),
    )
