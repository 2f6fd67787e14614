"""``pvdify logs --job``: show the output of a run of a scheduled job."""

import zlib
from dataclasses import dataclass

from pvdify.cli.commands.jobs import ended, follow_run
from pvdify.cli.exit_codes import DONE
from pvdify.cli.io import Io
from pvdify.client.api import Client
from pvdify.wire import logs as log_text


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of ``pvdify logs --job``.

    ``number``: None for the newest run. ``lines``: how many of the last lines; None for all.
    """

    app: str
    job: str
    number: int | None
    lines: int | None
    is_following: bool
    as_json: bool


def run(options: Options, client: Client, io: Io) -> int:
    """Show the output. With ``-f``, follow the run until it is over, and return its exit code."""
    if options.is_following:
        return follow_run(options.app, options.job, options.number, client, io, as_json=options.as_json)
    found = client.job_output(options.app, options.job, options.number)
    lines = found.lines if options.lines is None else found.lines[max(0, len(found.lines) - options.lines) :]
    if options.as_json:
        io.show_json({"run": found.run, "lines": lines})
        return DONE
    for line in lines:
        io.show_prefixed(*log_text.parts(line), color=zlib.crc32(f"{line.process}.{line.number}".encode()))
    io.say(f"run {found.run.number} of {options.job} {ended(found.run) if found.is_over else 'is still running'}")
    return DONE
