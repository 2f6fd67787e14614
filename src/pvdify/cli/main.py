"""``pvdify``: parse the command line, run the command, and report every failure on stderr and in the exit code."""

import gc
import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from pvdify import __version__

if TYPE_CHECKING:
    import click

    from pvdify.cli.command import AnyInvocation
    from pvdify.cli.io import Io, Surroundings
    from pvdify.errors import InternalError

    Parse = Callable[[Sequence[str], Surroundings], AnyInvocation | int]
OBJECTS = 100_000  # that are made until the garbage collector looks for cycles


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line of this process and return its exit code."""
    words = sys.argv[1:] if argv is None else argv
    if list(words) == ["--version"] and _say_version():
        return 0
    # Importing makes many objects and no garbage: looking for some is a fifth of the time of a short command.
    gc.set_threshold(OBJECTS)
    from pvdify.cli.io import process_io, process_surroundings

    code = run_program(words, process_surroundings(), process_io(os.environ))
    gc.freeze()
    return code


def run_program(
    argv: Sequence[str], surroundings: "Surroundings", io: "Io", *, understand: "Parse | None" = None
) -> int:  # fmt: skip
    """Run one command line and return its exit code. ``understand``: the parser, by default ``parse``."""

    def run() -> int:
        parsed = (understand or parse)(argv, surroundings)
        return parsed if isinstance(parsed, int) else parsed.execute(surroundings.environ, io)

    return answered(run, io)


def answered(run: "Callable[[], int]", io: "Io") -> int:
    """Return the exit code of ``run``; what it raises is printed as an error with its own exit code."""
    from pvdify.cli.exit_codes import READER_GONE, exit_code
    from pvdify.errors import PvdifyError

    try:
        return run()
    except PvdifyError as error:
        _say_error(io, error.render())
        if io.workflow is not None:
            io.workflow.report_error(error)
        return exit_code(error)
    except KeyboardInterrupt:
        return _interrupted(io)
    except BrokenPipeError:
        _silence()
        return READER_GONE
    except Exception as error:
        return _misused(error, io)


def parse(
    argv: Sequence[str], surroundings: "Surroundings", *, program: "click.Group | None" = None, name: str = "pvdify"
) -> "AnyInvocation | int":
    """Parse the command line; return an exit code if it was answered already (``--help``).

    Raises click.UsageError, or a PvdifyError about the environment or files.
    """
    return _parse_plain(argv) or _parse_by_click(argv, surroundings, program, name)


def _parse_plain(argv: Sequence[str]) -> "AnyInvocation | None":
    """Return the result for a command's name alone or with ``--json``, without importing the parser; else None."""
    from pvdify.cli.command import Declared
    from pvdify.cli.command_names import COMMANDS, load

    if not argv or argv[0] not in COMMANDS or list(argv[1:]) not in ([], ["--json"]):
        return None
    declared = load(argv[0])
    return declared.without_words(as_json=len(argv) > 1) if isinstance(declared, Declared) else None


def _parse_by_click(
    argv: Sequence[str], surroundings: "Surroundings", program: "click.Group | None", name: str
) -> "AnyInvocation | int":
    from pvdify.cli import command_table
    from pvdify.cli.command import AnyInvocation
    from pvdify.cli.command_names import HERE

    group = program or command_table.program
    parsed = group.main(list(argv) or [HERE], prog_name=name, standalone_mode=False, obj=surroundings)
    return parsed if isinstance(parsed, AnyInvocation) else int(parsed or 0)


def _say_version() -> bool:
    """Print the version as ``--version`` does; return False if that fails, so that the failure is reported as usual."""
    try:
        print(f"pvdify {__version__}", flush=True)
    except (OSError, AttributeError):
        return False
    return True


def _misused(error: Exception, io: "Io") -> int:
    """Report an error of the command line, or a fault of this program; return the exit code."""
    import click

    from pvdify.cli.exit_codes import USAGE, exit_code

    if isinstance(error, click.ClickException):
        _say_error(io, _usage_text(error))
        return USAGE
    if isinstance(error, click.Abort):
        return _interrupted(io)
    fault = _fault(error)
    if isinstance(error, OSError):
        _silence()  # such as a full disk behind stdout: Python would fail again at exit, with code 120
    _say_error(io, fault.render())
    return exit_code(fault)


def _interrupted(io: "Io") -> int:
    from pvdify.cli.exit_codes import DETACHED

    io.say("\ninterrupted; requests that the server has accepted continue")
    return DETACHED


def _usage_text(error: "click.ClickException") -> str:
    import click

    from pvdify.cli.misuse import Misuse

    message = error.format_message().rstrip(".")
    # Not the first letter of KEY=VALUE or N, which are names in the usage line.
    is_sentence = message[1:2].islower()
    text = f"error: {message[:1].lower() if is_sentence else message[:1]}{message[1:]}"
    if isinstance(error, Misuse):
        return f"{text}\n  next: {error.next}"
    context = error.ctx if isinstance(error, click.UsageError) else None
    # A suggestion needs no second next step.
    return text if context is None or "did you mean" in text else f"{text}\n  next: {context.command_path} --help"


def _say_error(io: "Io", text: str) -> None:
    first, line_break, rest = text.partition("\n")
    io.say(first, style="error")
    if line_break:
        io.say(rest)


def _fault(error: Exception) -> "InternalError":
    from pvdify.errors import InternalError

    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    place = "" if last is None else f" ({last.tb_frame.f_globals.get('__name__')}, line {last.tb_lineno})"
    return InternalError(
        "this is a fault of the pvdify command itself",
        why=f"{type(error).__name__}: {error}{place}",
        next="report these lines with what you typed; `pvdify releases` shows what the server has done",
    )


def _silence() -> None:
    """Redirect stdout to /dev/null: writing to it failed, and Python flushes stdout at exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
