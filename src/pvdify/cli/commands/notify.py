"""``pvdify notify`` and the commands ``notify:…``: notifications of events."""

from dataclasses import dataclass
from typing import Literal, cast

import click

from pvdify.cli import app_name, output
from pvdify.cli.command import command
from pvdify.cli.exit_codes import DONE, FAILED
from pvdify.cli.io import Io, typed
from pvdify.cli.moments import moment
from pvdify.cli.parameters import WholeNumber
from pvdify.client.api import Client
from pvdify.wire.answers import Delivery, Notification
from pvdify.wire.requests import AddNotification

Channel = Literal["webhook", "slack", "discord"]


@dataclass(frozen=True, kw_only=True)
class ListOptions:
    """Options of ``pvdify notify``."""

    as_json: bool


@dataclass(frozen=True, kw_only=True)
class AddOptions:
    """Options of ``pvdify notify:add``. The address ``-`` means: read it from stdin."""

    wanted: AddNotification
    as_json: bool


@dataclass(frozen=True, kw_only=True)
class ChosenOptions:
    """Options of the commands about one notification."""

    id: str
    as_json: bool


@dataclass(frozen=True, kw_only=True)
class LogOptions:
    """Options of ``pvdify notify:log``. ``id``: None for all notifications."""

    id: str | None
    limit: int
    as_json: bool


def run_list(options: ListOptions, client: Client, io: Io) -> int:
    """List the notifications."""
    found = client.notifications()
    if options.as_json:
        io.show_json({"notifications": found})
    elif found:
        io.show(output.table(("ID", "CHANNEL", "APP", "EVENTS", "ADDRESS", "ADDED BY"), map(_row, found)))
    else:
        io.say("there are no notifications; to add one: pvdify notify:add --help")
    return DONE


def run_add(options: AddOptions, client: Client, io: Io) -> int:
    """Add a notification."""
    from dataclasses import replace

    wanted = options.wanted
    if wanted.url == "-":
        ask = io.ask_secret("address: ") if io.is_stdin_terminal else typed(io.stdin.readline)
        wanted = replace(wanted, url=ask.strip())
    added = client.add_notification(wanted)
    if options.as_json:
        io.show_json(added)
    else:
        io.show(f"{added.id}: {added.address} is notified of {', '.join(added.events)} of {added.app or 'all apps'}")
        if added.secret is not None:
            io.show(f"signing key: {added.secret}")
            io.say("the receiver checks signatures with it (standardwebhooks.com); it is not shown again")
    io.say(f"try it: pvdify notify:test {added.id}; undo: pvdify notify:remove {added.id}")
    return DONE


def run_remove(options: ChosenOptions, client: Client, io: Io) -> int:
    """Remove a notification."""
    client.remove_notification(options.id)
    if options.as_json:
        io.show_json({"id": options.id, "status": "removed"})
    else:
        io.show(f"{options.id} is removed")
    return DONE


def run_test(options: ChosenOptions, client: Client, io: Io) -> int:
    """Send a test notice now."""
    tried = client.test_notification(options.id)
    is_delivered = tried.state == "delivered"
    if options.as_json:
        io.show_json(tried)
    elif is_delivered:
        io.show(f"delivered: the other side answered {tried.status}")
    else:
        io.show(f"not delivered: {tried.error}")
        io.say("check the address; if it has changed, add a new notification")
    return DONE if is_delivered else FAILED


def run_log(options: LogOptions, client: Client, io: Io) -> int:
    """Show the deliveries."""
    found = client.deliveries(options.id, options.limit)
    if options.as_json:
        io.show_json({"deliveries": found})
    elif found:
        headers = ("WHEN", "TO", "EVENT", "APP", "STATE", "TRIES", "LAST ANSWER", "NEXT TRY")
        io.show(output.table(headers, (_delivery_row(it, io) for it in found)))
    else:
        io.say("nothing was delivered yet")
    return DONE


@command("notify", run=run_list, example="pvdify notify")
def notify(*, as_json: bool) -> ListOptions:
    """List the notifications of this server."""
    return ListOptions(as_json=as_json)


@command(
    "notify:add",
    run=run_add,
    example="pvdify notify:add --channel slack --app myapp -     # the address on stdin\n"
    "pvdify notify:add https://ops.example.com/pvdify --event 'deploy.*' --event guard.tripped",
)
@click.argument("address", metavar="URL|-")
@click.option(
    "--channel",
    type=click.Choice(("webhook", "slack", "discord")),
    default="webhook",
    show_default=True,
    help="Signed JSON for a program, or the format of a chat.",
)
@click.option("-a", "--app", metavar="APP", help="Only events of this app and its previews; default: all.")
@click.option(
    "--event",
    "events",
    multiple=True,
    metavar="NAME",
    help="Such as deploy.failed, deploy.*, or *; repeatable. Default: ended deploys and rollbacks, rollbacks "
    "by a guard, failing instances, created and removed previews.",
)
def notify_add(*, address: str, channel: str, app: str | None, events: tuple[str, ...], as_json: bool) -> AddOptions:
    """Send events to URL.

    The address of a chat webhook is a secret: with `-`, it is read from stdin. A failed delivery is retried for a day,
    and no deploy waits for it. `pvdify notify:log` shows the deliveries.
    """
    only = None if app is None else app_name.check(app)
    wanted = AddNotification(url=address, channel=cast("Channel", channel), app=only, events=list(events))
    return AddOptions(wanted=wanted, as_json=as_json)


@command("notify:remove", run=run_remove, example="pvdify notify:remove 3f9a2c1b")
@click.argument("id", metavar="ID")
def notify_remove(*, id: str, as_json: bool) -> ChosenOptions:
    """Remove a notification.

    Undelivered events are not sent either. `pvdify notify` shows the ids.
    """
    return ChosenOptions(id=id, as_json=as_json)


@command("notify:test", run=run_test, example="pvdify notify:test 3f9a2c1b")
@click.argument("id", metavar="ID")
def notify_test(*, id: str, as_json: bool) -> ChosenOptions:
    """Send a test notice now.

    Shows the answer. The exit code is 1 if the notice was not delivered.
    """
    return ChosenOptions(id=id, as_json=as_json)


@command("notify:log", run=run_log, example="pvdify notify:log 3f9a2c1b -n 20")
@click.argument("id", metavar="[ID]", required=False)
@click.option("-n", "limit", type=WholeNumber(1, 1000), default=50, show_default=True, help="How many.")
def notify_log(*, id: str | None, limit: int, as_json: bool) -> LogOptions:
    """Show what was delivered, and what failed.

    Newest first, including deliveries that will be retried. Ended ones are kept for 30 days (`keep_deliveries_for`).
    """
    return LogOptions(id=id, limit=limit, as_json=as_json)


def _row(it: Notification) -> tuple[str, ...]:
    return it.id, it.channel, it.app or "all", " ".join(it.events), it.address, it.created_by


def _delivery_row(it: Delivery, io: Io) -> tuple[str, ...]:
    about = (it.app or output.NONE) + (f" v{it.release}" if it.release else "")
    last = it.error or (str(it.status) if it.status else output.NONE)
    made, due = moment(it.created_at, io), moment(it.due_at, io)
    return made, it.notification, it.action, about, it.state, str(it.attempts), last, due
