"""``pvdify users``, ``users:invite``, ``users:role`` and ``users:remove``: users of the dashboard."""

from dataclasses import dataclass
from typing import Literal, cast

import click

from pvdify.cli import app_name, output
from pvdify.cli.command import command
from pvdify.cli.exit_codes import DONE
from pvdify.cli.io import Io
from pvdify.cli.moments import moment, until
from pvdify.client.api import Client
from pvdify.wire.answers import User
from pvdify.wire.requests import InviteUser, SetUserRole

Role = Literal["admin", "deploy", "read"]
ROLES = click.Choice(("admin", "deploy", "read"))


@dataclass(frozen=True, kw_only=True)
class ListOptions:
    """Options of ``pvdify users``."""

    as_json: bool


@dataclass(frozen=True, kw_only=True)
class InviteOptions:
    """Options of ``pvdify users:invite``."""

    wanted: InviteUser
    as_json: bool


@dataclass(frozen=True, kw_only=True)
class RoleOptions:
    """Options of ``pvdify users:role``."""

    name: str
    wanted: SetUserRole
    as_json: bool


@dataclass(frozen=True, kw_only=True)
class RemoveOptions:
    """Options of ``pvdify users:remove``."""

    name: str
    as_json: bool


def run_list(options: ListOptions, client: Client, io: Io) -> int:
    """Show all users."""
    found = client.users()
    if options.as_json:
        io.show_json({"users": found})
    elif found:
        heads = ("NAME", "ROLE", "APP", "ACCOUNT", "INVITED BY", "LAST SEEN")
        io.show(output.table(heads, (_row(user, io) for user in found)))
    else:
        io.say("no users; to invite one: pvdify users:invite NAME")
    return DONE


def run_invite(options: InviteOptions, client: Client, io: Io) -> int:
    """Invite a user and print the link, which cannot be shown again."""
    from shlex import quote

    made = client.invite_user(options.wanted)
    if options.as_json:
        io.show_json(made)
    else:
        io.show(made.url)
    io.say(f"send this link to {made.user.name}: it works once, {until(made.expires_at, io)}")
    io.say(f"to take it back: pvdify users:remove {quote(made.user.name)}")
    return DONE


def run_role(options: RoleOptions, client: Client, io: Io) -> int:
    """Change what a user may do."""
    user = client.set_user_role(options.name, options.wanted)
    if options.as_json:
        io.show_json(user)
    else:
        io.show(f"{user.name} has the role {user.role} for {user.app or 'all apps'} from now on")
    return DONE


def run_remove(options: RemoveOptions, client: Client, io: Io) -> int:
    """Remove a user."""
    client.remove_user(options.name)
    if options.as_json:
        io.show_json({"name": options.name, "status": "removed"})
    else:
        io.show(f"{options.name} is removed and signed out")
    return DONE


@command("users", run=run_list, example="pvdify users")
def users(*, as_json: bool) -> ListOptions:
    """Show the users of the dashboard."""
    return ListOptions(as_json=as_json)


@command("users:invite", run=run_invite, example="pvdify users:invite Ada --role deploy --email ada@example.com")
@click.argument("name")
@click.option("--role", type=ROLES, default="read", show_default=True, help="What they may do.")
@click.option("-a", "--app", metavar="APP", help="The only app they may use; default: all.")
@click.option("--email", default="", metavar="ADDRESS", help="The user's address at your sign-in provider.")
@click.option("--github", default="", metavar="LOGIN", help="The user's GitHub account.")
@click.option("--again", is_flag=True, help="Print a new link for an existing user.")
def users_invite(
    *, name: str, role: str, app: str | None, email: str, github: str, again: bool, as_json: bool
) -> InviteOptions:  # fmt: skip
    """Invite a user and print the link.

    The link signs the user in once, within 7 days. After that the user signs in with a passkey or an account.
    """
    only = None if app is None else app_name.check(app)
    wanted = InviteUser(name=name, role=cast("Role", role), app=only, email=email, github=github, again=again)
    return InviteOptions(wanted=wanted, as_json=as_json)


@command("users:role", run=run_role, example="pvdify users:role Ada admin")
@click.argument("name")
@click.argument("role", type=ROLES)
@click.option("-a", "--app", metavar="APP", help="The only app they may use; default: all.")
def users_role(*, name: str, role: str, app: str | None, as_json: bool) -> RoleOptions:
    """Change the role of a user, from the next request on."""
    only = None if app is None else app_name.check(app)
    return RoleOptions(name=name, wanted=SetUserRole(role=cast("Role", role), app=only), as_json=as_json)


@command("users:remove", run=run_remove, example="pvdify users:remove Ada")
@click.argument("name")
def users_remove(*, name: str, as_json: bool) -> RemoveOptions:
    """Remove a user, and sign the user out everywhere."""
    return RemoveOptions(name=name, as_json=as_json)


def _row(user: User, io: Io) -> tuple[str, ...]:
    account = ", ".join(filter(None, (user.email, user.github and f"github:{user.github}")))
    seen = "invited" if user.is_invited and user.last_seen_at is None else moment(user.last_seen_at, io)
    return (user.name, user.role, user.app or "all", account or "-", user.created_by, seen)
