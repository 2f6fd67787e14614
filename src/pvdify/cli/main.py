"""``pvdify``: parse the command line, run the command, and report every failure on stderr and in the exit code."""

import os
import sys
from collections.abc import Callable, Sequence

import click

from pvdify.cli.command import AnyInvocation
from pvdify.cli.command_table import HERE, program
from pvdify.cli.exit_codes import DETACHED, DONE, READER_GONE, USAGE, exit_code
from pvdify.cli.io import Io, Surroundings, process_io, process_surroundings
from pvdify.cli.misuse import Misuse
from pvdify.errors import InternalError, PvdifyError

Parse = Callable[[Sequence[str], Surroundings], AnyInvocation | int]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line of this process and return its exit code."""
    io = process_io(os.environ)
    return run_program(sys.argv[1:] if argv is None else argv, process_surroundings(), io)


def run_program(argv: Sequence[str], surroundings: Surroundings, io: Io, *, understand: Parse | None = None) -> int:
    """Run one command line and return its exit code. ``understand``: the parser, by default ``parse``."""
    try:
        parsed = (understand or parse)(argv, surroundings)
        return parsed.execute(surroundings.environ, io) if isinstance(parsed, AnyInvocation) else parsed
    except click.ClickException as error:
        _say_error(io, _usage_text(error))
        return USAGE
    except PvdifyError as error:
        _say_error(io, error.render())
        if io.workflow is not None:
            io.workflow.report_error(error)
        return exit_code(error)
    except (KeyboardInterrupt, click.Abort):
        io.say("\ninterrupted; what the server had been asked for already goes on")
        return DETACHED
    except BrokenPipeError:
        _silence()
        return READER_GONE
    except Exception as error:
        fault = _fault(error)
        _say_error(io, fault.render())
        return exit_code(fault)


def parse(
    argv: Sequence[str], surroundings: Surroundings, *, program: click.Group = program, name: str = "pvdify"
) -> AnyInvocation | int:
    """Parse the command line; return an exit code if it was answered already (``--help``).

    Raises click.UsageError, or a PvdifyError about the environment or files.
    """
    parsed = program.main(list(argv) or [HERE], prog_name=name, standalone_mode=False, obj=surroundings)
    return parsed if isinstance(parsed, AnyInvocation) else int(parsed or DONE)


def _usage_text(error: click.ClickException) -> str:
    message = error.format_message().rstrip(".")
    # Not the first letter of KEY=VALUE or N, which are names in the usage line.
    is_sentence = message[1:2].islower()
    text = f"error: {message[:1].lower() if is_sentence else message[:1]}{message[1:]}"
    if isinstance(error, Misuse):
        return f"{text}\n  next: {error.next}"
    context = error.ctx if isinstance(error, click.UsageError) else None
    # A suggestion needs no second next step.
    return text if context is None or "did you mean" in text else f"{text}\n  next: {context.command_path} --help"


def _say_error(io: Io, text: str) -> None:
    first, line_break, rest = text.partition("\n")
    io.say(first, style="error")
    if line_break:
        io.say(rest)


def _fault(error: Exception) -> InternalError:
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
    """Redirect stdout to /dev/null: its reader is gone, and Python flushes stdout at exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
