"""``pvdify sessions`` and ``sessions:revoke``: the browsers that are signed in to the dashboard."""

from dataclasses import dataclass

import click

from pvdify.cli import output
from pvdify.cli.command import command
from pvdify.cli.exit_codes import DONE
from pvdify.cli.io import Io
from pvdify.cli.moments import moment
from pvdify.client.api import Client
from pvdify.wire.answers import Session


@dataclass(frozen=True, kw_only=True)
class ListOptions:
    """Options of ``pvdify sessions``."""

    as_json: bool


@dataclass(frozen=True, kw_only=True)
class RevokeOptions:
    """Options of ``pvdify sessions:revoke``: one session by its id, or all of a user."""

    session_id: str | None
    user: str | None
    as_json: bool


def run_list(options: ListOptions, client: Client, io: Io) -> int:
    """Show the browsers that are signed in."""
    found = client.sessions()
    if options.as_json:
        io.show_json({"sessions": found})
    elif found:
        heads = ("ID", "WHO", "SIGNED IN BY", "ADDRESS", "SINCE", "LAST USED", "BROWSER")
        io.show(output.table(heads, (_row(session, io) for session in found)))
    else:
        io.say("no browser is signed in; `pvdify open` signs one in")
    return DONE


def run_revoke(options: RevokeOptions, client: Client, io: Io) -> int:
    """Sign one browser out, or all of a user."""
    if options.user is not None:
        client.sign_user_out(options.user)
        what = f"{options.user} is signed out everywhere"
    else:
        client.revoke_session(options.session_id or "")
        what = f"{options.session_id} is signed out"
    if options.as_json:
        io.show_json({"id": options.session_id, "user": options.user, "status": "revoked"})
    else:
        io.show(what)
    return DONE


@command("sessions", run=run_list, example="pvdify sessions")
def sessions(*, as_json: bool) -> ListOptions:
    """Show the browsers that are signed in to the dashboard."""
    return ListOptions(as_json=as_json)


@command(
    "sessions:revoke", run=run_revoke, example="pvdify sessions:revoke 3f9a2c07d1b4\npvdify sessions:revoke --user Ada"
)
@click.argument("session_id", metavar="[ID]", required=False)
@click.option("--user", metavar="NAME", help="All sessions of this user, instead of one.")
def sessions_revoke(*, session_id: str | None, user: str | None, as_json: bool) -> RevokeOptions:
    """Sign a browser out.

    `pvdify sessions` shows the ids.
    """
    if (session_id is None) == (user is None):
        raise click.UsageError("name one session by its ID, or all of a user with --user NAME")
    return RevokeOptions(session_id=session_id, user=user, as_json=as_json)


def _row(session: Session, io: Io) -> tuple[str, ...]:
    return (
        session.id,
        session.name,
        session.way,
        session.address or "-",
        moment(session.created_at, io),
        moment(session.last_used_at, io),
        session.agent or "-",
    )
