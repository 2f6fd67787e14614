"""``pvdify events``: show who did what, and when."""

from dataclasses import dataclass

import click

from pvdify.cli import moments, output
from pvdify.cli.command import command, named_app_parameter
from pvdify.cli.exit_codes import DETACHED, DONE
from pvdify.cli.io import Io, Surroundings
from pvdify.cli.parameters import WholeNumber, moment
from pvdify.client.api import Client
from pvdify.client.calls.logs import EventQuery
from pvdify.client.events import StreamLost
from pvdify.errors import ServerUnreachable
from pvdify.wire.answers import Event


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of ``pvdify events``."""

    wanted: EventQuery
    is_following: bool
    as_json: bool


def run(options: Options, client: Client, io: Io) -> int:
    """Show the events; with ``--follow``, also new events."""
    if options.is_following:
        return _follow(options, client, io)
    found = client.events(options.wanted)
    if options.as_json:
        io.show_json({"events": found})
    elif found:
        io.show(
            output.table(
                ("WHEN", "WHO", "EVENT", "APP", "TEXT"), (_row(event, io) for event in found), least=("APP", "WHO")
            )
        )
    else:
        io.say("no such events")
    return DONE


@command(
    "events",
    run=run,
    example="pvdify events myapp --since 2h\npvdify events --kind deploy --actor ci\npvdify events --follow",
)
@named_app_parameter
@click.option("-f", "-t", "--follow", "--tail", "follow", is_flag=True, help="Follow new lines; Ctrl-C ends it.")
@click.option("-n", "--num", "limit", type=WholeNumber(0, 10_000), help="How many.  [default: 30]")
@click.option("--since", type=moment, metavar="WHEN", help="Only lines after: 10m, 2h or 2026-11-25T08:00.")
@click.option("--kind", metavar="KIND", help="Only one kind, such as deploy, or deploy.live.")
@click.option("--actor", metavar="NAME", help="Only events of one user or token, or of pvdify itself.")
def events(
    *, app: str | None, surroundings: Surroundings, follow: bool, limit: int | None, since: str | None,  # noqa: ARG001
    kind: str | None, actor: str | None, as_json: bool,
) -> Options:  # fmt: skip
    """Show who did what, newest first; all or those of APP.

    --since shows all events of that time. With --follow, the newest is last, and --json prints one object per line.
    """
    most = 30 if since is None else 10_000
    wanted = EventQuery(limit=most if limit is None else limit, app=app, actor=actor, kind=kind, since=since)
    return Options(wanted=wanted, is_following=follow, as_json=as_json)


def _follow(options: Options, client: Client, io: Io) -> int:
    try:
        for event in client.follow_events(options.wanted):
            if options.as_json:
                io.show_json(event, is_line=True)
            else:
                io.show("  ".join(cell for cell in map(output.printable, _row(event, io)) if cell != output.NONE))
    except KeyboardInterrupt:
        # Ctrl-C is the usual way to stop following: print nothing.
        return DETACHED
    except StreamLost as lost:
        raise ServerUnreachable(
            "the stream of events was lost", why=lost.why, next="run the same command again"
        ) from lost
    return DONE


def _row(event: Event, io: Io) -> tuple[str, ...]:
    about = event.app or output.NONE
    if event.app and event.release is not None:
        about = f"{event.app} v{event.release}"
    return moments.moment(event.at, io), event.actor, event.action, about, event.text or output.NONE
