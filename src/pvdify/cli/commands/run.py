"""``pvdify run``: run a command in a container of the live release, with local input and output."""

import queue
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from shlex import quote

import click

from pvdify.cli import app_name
from pvdify.cli.command import app_option, command
from pvdify.cli.ends import Ends
from pvdify.cli.exit_codes import DETACHED
from pvdify.cli.io import Io, Surroundings
from pvdify.cli.misuse import Misuse
from pvdify.cli.words import exists
from pvdify.client.api import Client
from pvdify.client.calls.runs import RunEnded
from pvdify.client.events import StreamLost
from pvdify.errors import OneOffNotFound, OutcomeUnknown, PvdifyError
from pvdify.wire.answers import OneOff
from pvdify.wire.requests import RunCommand, Terminal

DIVIDER = "--"
Start = Callable[[Terminal | None, list[str] | None], OneOff]
DIVIDED = __name__  # the key of the words after ``--`` in click's context
MOST_WAITING = 8  # pieces of input that are read but not sent; limits the memory for large piped input


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of ``pvdify run``.

    ``is_plain``: use pipes, also at a terminal; ``is_revealing``: do not redact secrets.
    """

    app: str
    command: str | list[str]
    is_plain: bool
    as_json: bool
    is_revealing: bool = False


@dataclass(frozen=True, kw_only=True)
class AmbiguousCommand:
    """``APP WORD...`` or ``WORD...``: only the server knows whether the first word is an app.

    ``app``: the app to use if it is not; None if no other app is known.
    """

    app: str | None
    words: tuple[str, ...]
    is_plain: bool
    as_json: bool
    is_revealing: bool = False


class DividedCommand(click.Command):
    """A command that does not parse the words after ``--``, or without ``--`` the words after the first."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Keep the command line to run, before click parses the rest."""
        if DIVIDER in args:
            place = args.index(DIVIDER)
            ctx.meta[DIVIDED] = args[place + 1 :]
            args = args[:place]
        else:
            ctx.allow_interspersed_args = False
            args = _app_to_the_front(args)
        return super().parse_args(ctx, args)


def run_undecided(options: Options | AmbiguousCommand, client: Client, io: Io) -> int:
    """Find the app among the words, then run the command."""
    return converse(options if isinstance(options, Options) else decide(options, client), client, io)


def decide(options: AmbiguousCommand, client: Client) -> Options:
    """Ask the server whether the first word is an app. Raises Misuse if the command or the app is missing."""
    first, rest = options.words[0], options.words[1:]
    is_app = first == options.app or exists(first, client)
    if is_app and not rest:
        raise Misuse(f"the command is missing: {first} is an app", next=f"pvdify run {first} -- COMMAND")
    app = first if is_app else options.app
    if app is None:
        raise Misuse(
            f'no app was named, and "{first}" is none', next=f"pvdify run APP -- {' '.join(map(quote, options.words))}"
        )
    words = rest if is_app else options.words
    return Options(
        app=app,
        command=one_or_more(words),
        is_plain=options.is_plain,
        as_json=options.as_json,
        is_revealing=options.is_revealing,
    )


def converse(options: Options, client: Client, io: Io, *, start: Start | None = None, name: str = "run") -> int:
    """Run the command with this process's input and output; return its exit code.

    ``start`` starts the command on the server; ``name`` is the name of the pvdify command.
    """
    ends = Ends.of(io)
    terminal = None
    if ends.is_terminal and not options.is_plain and not options.as_json:
        rows, columns = ends.size()
        terminal = Terminal(rows=rows, columns=columns)
    raw = _raw_streams(options, io)
    started = (start or _start_run(options, client))(terminal, raw or None)
    try:
        with ExitStack() as stack:
            messages: queue.Queue[bytes | tuple[int, int]] = queue.Queue(MOST_WAITING)
            if terminal is not None:
                stack.enter_context(ends.raw())
                stack.enter_context(ends.resized(lambda size: _put_now(messages, size)))
            _pass_on_input(started, client, ends, messages)
            return _show_output(started, client, ends, io, options)
    except KeyboardInterrupt:
        return DETACHED
    except (StreamLost, OneOffNotFound) as lost:
        raise OutcomeUnknown(
            f"{options.app}: the connection to {started.id} was lost, and so it was ended",
            why=lost.why if isinstance(lost, StreamLost) else "the server ends a command without a viewer",
            next=f"check what it had done until then, and run `pvdify {name} {options.app} -- …` again",
        ) from lost
    finally:
        with suppress(PvdifyError):
            client.end_run(started)


@command(
    "run", run=run_undecided, cls=DividedCommand,
    example="pvdify run myapp -- npm run migrate\npvdify run myapp -- sh\npvdify run bash -a myapp",
)  # fmt: skip
@click.argument("words", metavar="[APP] [--] COMMAND [ARGUMENT]...", nargs=-1)
@app_option
@click.option("--no-tty", "is_plain", is_flag=True, help="Use pipes, even at a terminal.")
@click.option("--reveal", "is_revealing", is_flag=True, help="Show secrets also at a terminal and in --json.")
@click.pass_context
def run(
    ctx: click.Context, *, words: tuple[str, ...], app: str | None, is_plain: bool, is_revealing: bool, as_json: bool
) -> Options | AmbiguousCommand:
    """Run a command in a new container of the live release.

    The container has the image, config and limits of the live release. Input, output and exit code are passed through,
    with a terminal if you have one. If you end this command, the container is removed. A single word is run by the
    image's shell, as in a manifest. With --json, output and exit code are one object at the end.

    Output to a pipe or file is byte for byte what the command wrote; at a terminal, secrets are redacted.

    Write options of pvdify before the command. Without `--`, the first word is the app if the server has an app of
    that name, and `-a APP` may also be at the end.
    """
    chosen = choose(ctx, words, app, is_plain=is_plain, as_json=as_json)
    return replace(chosen, is_revealing=is_revealing)


def choose(
    ctx: click.Context, words: tuple[str, ...], app: str | None, *, is_plain: bool, as_json: bool
) -> Options | AmbiguousCommand:
    """Return the options as far as the words decide them. Raises Misuse if there is no command."""
    surroundings = ctx.find_object(Surroundings)
    assert surroundings is not None  # noqa: S101 - set by the parser
    divided: list[str] | None = ctx.meta.get(DIVIDED)
    if divided is None and app is None and words and app_name.looks_like_one(words[0]):
        known = app_name.find(None, None, surroundings)
        return AmbiguousCommand(app=known, words=words, is_plain=is_plain, as_json=as_json)
    if divided is None:
        argument, command_words = None, words
    elif len(words) > 1:
        raise Misuse("only the app stands before --", next=f"pvdify run {words[0]} -- {' '.join(map(quote, divided))}")
    else:
        argument, command_words = (words[0] if words else None), tuple(divided)
    if not command_words:
        raise Misuse("the command is missing", next=f"pvdify run {argument or app or 'APP'} -- COMMAND", context=ctx)
    return Options(
        app=app_name.resolve(argument, app, surroundings), command=one_or_more(command_words),
        is_plain=is_plain, as_json=as_json,
    )  # fmt: skip


def _app_to_the_front(args: list[str]) -> list[str]:
    """Return ``bash -a myapp`` as ``-a myapp bash``; Heroku's users type the first form."""
    if len(args) > 2 and args[-2] in ("-a", "--app"):
        return [*args[-2:], *args[:-2]]
    if len(args) > 1 and args[-1].startswith("--app="):
        return [args[-1], *args[:-1]]
    return args


def one_or_more(words: tuple[str, ...]) -> str | list[str]:
    """Return a single word as a text for the shell, several words as a program with its arguments."""
    return words[0] if len(words) == 1 else list(words)


def _show_output(started: OneOff, client: Client, ends: Ends, io: Io, options: Options) -> int:
    as_json, is_quiet = options.as_json, options.as_json or options.is_revealing
    collected = {"stdout": b"", "stderr": b""}
    for event in client.follow_run(started):
        if isinstance(event, RunEnded):
            if as_json:
                texts = {name: data.decode("utf-8", "replace") for name, data in collected.items()}
                io.show_json({"app": started.app, "id": started.id, "exit_code": event.exit_code, **texts})
            if event.secrets and not is_quiet:
                names = ", ".join(event.secrets)
                places = "1 place" if event.secret_count == 1 else f"{event.secret_count} places"
                io.say(f"The output has secrets as they are, in {places}: {names}")
            return event.exit_code
        if as_json:
            collected[event.stream] += event.data
        else:
            ends.write(event.stream, event.data)
    raise StreamLost("its output ended before it did")


def _start_run(options: Options, client: Client) -> Start:
    def start(terminal: Terminal | None, raw: list[str] | None) -> OneOff:
        return client.run(options.app, RunCommand(command=options.command, terminal=terminal, raw=raw))

    return start


def _raw_streams(options: Options, io: Io) -> list[str]:
    """Return the streams to send byte for byte: those to a pipe or file, and both with --reveal."""
    if options.is_revealing:
        return ["stdout", "stderr"]
    if options.as_json:
        return []
    return [name for name, stream in (("stdout", io.stdout), ("stderr", io.stderr)) if not stream.isatty()]


def _put_now(messages: "queue.Queue[bytes | tuple[int, int]]", size: tuple[int, int]) -> None:
    """Put the size into the queue without waiting, because a signal handler calls this."""
    with suppress(queue.Full):
        messages.put_nowait(size)


def _pass_on_input(
    started: OneOff, client: Client, ends: Ends, messages: "queue.Queue[bytes | tuple[int, int]]"
) -> None:
    """Send the input from threads, which may still wait for a key when the command has ended."""

    def read() -> None:
        while data := ends.read():
            messages.put(data)
        messages.put(b"")

    def send() -> None:
        sent = 0
        with suppress(PvdifyError):  # the command has ended, and its output says how
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
