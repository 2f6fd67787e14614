"""``pvdify logs --router``: show the requests of visitors and their answers."""

from dataclasses import dataclass

from pvdify.cli.exit_codes import DONE
from pvdify.cli.io import Io
from pvdify.client.api import Client
from pvdify.wire.logs import render_visit


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of ``pvdify logs --router``. ``app``: None for all; ``lines``: how many of the last requests."""

    app: str | None
    lines: int
    is_following: bool
    as_json: bool


def run(options: Options, client: Client, io: Io) -> int:
    """Show the last requests; with ``-f``, also new ones."""
    if options.is_following:
        for visit in client.follow_visits(options.app, options.lines):
            if options.as_json:
                io.show_json(visit, is_line=True)
            else:
                io.show(render_visit(visit))
        return DONE
    visits = client.visits(options.app, options.lines)
    if options.as_json:
        io.show_json({"visits": visits})
    for visit in () if options.as_json else visits:
        io.show(render_visit(visit))
    if not visits:
        io.say("no requests yet")
    return DONE
