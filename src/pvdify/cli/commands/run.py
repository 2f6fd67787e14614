"""``pvdify run``: a command in a container of the live release, as if it ran here."""

import queue
import threading
from contextlib import ExitStack, suppress
from dataclasses import dataclass

import click

from pvdify.cli import app_name
from pvdify.cli.command import app_option, command
from pvdify.cli.ends import Ends
from pvdify.cli.exit_codes import DETACHED
from pvdify.cli.io import Io, Surroundings
from pvdify.client.api import Client
from pvdify.client.calls.runs import RunEnded
from pvdify.client.events import StreamLost
from pvdify.errors import OneOffNotFound, OutcomeUnknown, PvdifyError
from pvdify.wire.answers import OneOff
from pvdify.wire.requests import RunCommand, Terminal

DIVIDER = "--"


@dataclass(frozen=True, kw_only=True)
class Options:
    """What to run where. ``is_plain``: on pipes, also where there is a terminal."""

    app: str
    command: str | list[str]
    is_plain: bool
    as_json: bool


class _DividedCommand(click.Command):
    """What follows ``--`` is somebody else's, whatever it looks like."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take it away before click reads the rest."""
        if DIVIDER in args:
            place = args.index(DIVIDER)
            ctx.meta[__name__] = args[place + 1 :]
            args = args[:place]
        return super().parse_args(ctx, args)


def converse(options: Options, client: Client, io: Io) -> int:
    """Run it, with its input and output here; its exit code."""
    ends = Ends.of(io)
    terminal = None
    if ends.is_terminal and not options.is_plain and not options.as_json:
        rows, columns = ends.size()
        terminal = Terminal(rows=rows, columns=columns)
    started = client.run(options.app, RunCommand(command=options.command, terminal=terminal))
    try:
        with ExitStack() as stack:
            messages: queue.SimpleQueue[bytes | tuple[int, int]] = queue.SimpleQueue()
            if terminal is not None:
                stack.enter_context(ends.raw())
                stack.enter_context(ends.resized(messages.put))
            _pass_on_input(started, client, ends, messages)
            return _show_output(started, client, ends, io, as_json=options.as_json)
    except KeyboardInterrupt:
        return DETACHED
    except (StreamLost, OneOffNotFound) as lost:
        raise OutcomeUnknown(
            f"{options.app}: the connection to {started.id} was lost, and so it was ended",
            why=lost.why if isinstance(lost, StreamLost) else "the server ends a command that nobody watches",
            next=f"look at what it had done by then, then `pvdify run {options.app} -- …` again",
        ) from lost
    finally:
        with suppress(PvdifyError):
            client.end_run(started)


@command(
    "run", run=converse, cls=_DividedCommand, example="pvdify run myapp -- npm run migrate\npvdify run myapp -- sh"
)  # fmt: skip
@click.argument("app_argument", metavar="[APP] -- COMMAND [ARGUMENT]...", required=False)
@app_option
@click.option("--no-tty", "is_plain", is_flag=True, help="On pipes, also at a terminal.")
@click.pass_context
def run(ctx: click.Context, *, app_argument: str | None, app: str | None, is_plain: bool, as_json: bool) -> Options:
    """Run a command in a new container of the live release.

    With its image, config and limits; its input and output are here, at a terminal if there is one, and its exit code
    is this command's. It ends when this command does. A single word is run by the image's shell, as it stands in a
    manifest; with --json, output and exit code are one object at the end.
    """
    words: list[str] = ctx.meta.get(__name__, [])
    if not words:
        raise click.UsageError("name the command after --, as in: pvdify run myapp -- npm run migrate", ctx)
    surroundings = ctx.find_object(Surroundings)
    assert surroundings is not None  # noqa: S101 - set by whoever parses
    return Options(
        app=app_name.resolve(app_argument, app, surroundings), command=words[0] if len(words) == 1 else words,
        is_plain=is_plain, as_json=as_json,
    )  # fmt: skip


def _show_output(started: OneOff, client: Client, ends: Ends, io: Io, *, as_json: bool) -> int:
    collected = {"stdout": b"", "stderr": b""}
    for event in client.follow_run(started):
        if isinstance(event, RunEnded):
            if as_json:
                texts = {name: data.decode("utf-8", "replace") for name, data in collected.items()}
                io.show_json({"app": started.app, "id": started.id, "exit_code": event.exit_code, **texts})
            return event.exit_code
        if as_json:
            collected[event.stream] += event.data
        else:
            ends.write(event.stream, event.data)
    raise StreamLost("its output ended before it did")


def _pass_on_input(
    started: OneOff, client: Client, ends: Ends, messages: "queue.SimpleQueue[bytes | tuple[int, int]]"
) -> None:
    """In threads of their own, which may be left waiting for a key when the command has ended."""

    def read() -> None:
        while data := ends.read():
            messages.put(data)
        messages.put(b"")

    def send() -> None:
        sent = 0
        with suppress(PvdifyError):  # it has ended, and its end is told by its output
            while True:
                message = messages.get()
                if isinstance(message, tuple):
                    client.resize_run(started, Terminal(rows=message[0], columns=message[1]))
                    continue
                client.write_run(started, sent, message)
                sent += len(message)
                if not message:
                    return

    for work in (read, send):
        threading.Thread(target=work, daemon=True).start()
