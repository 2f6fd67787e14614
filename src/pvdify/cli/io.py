"""A command's surroundings: the streams it speaks on, and the environment and folder it was started in."""

import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from pvdify.cli.workflow import Workflow

_STYLES = {"error": "31", "good": "32", "faint": "2"}
_PREFIX_COLORS = ("36", "33", "35", "34", "32", "96", "93", "95")


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What options are read from besides the arguments."""

    environ: Mapping[str, str] = field(repr=False)
    folder: Path
    stdin: TextIO


@dataclass(frozen=True, kw_only=True)
class Io:
    """The streams. Data and results go to stdout; words, progress and errors to stderr; each line at once.

    ``is_live``: stderr is a terminal that can redraw a line. ``ask_secret`` reads a line without showing it.
    ``workflow``: the one to tell of releases, when this is a step of it.
    """

    stdin: TextIO
    stdout: TextIO
    stderr: TextIO
    is_live: bool = False
    is_stdin_terminal: bool = False
    is_stdout_color: bool = False
    is_stderr_color: bool = False
    ask_secret: Callable[[str], str] = lambda _prompt: ""
    workflow: "Workflow | None" = None

    def show(self, text: str, *, style: str = "") -> None:
        """One line, or several, of what was asked for."""
        _write(self.stdout, text, style if self.is_stdout_color else "")

    def show_prefixed(self, prefix: str, text: str, *, color: int) -> None:
        """A line of what was asked for, with its prefix in one of a few colours."""
        code = _PREFIX_COLORS[color % len(_PREFIX_COLORS)]
        shown = f"\x1b[{code}m{prefix}\x1b[0m" if self.is_stdout_color else prefix
        self.show(f"{shown} {text}")

    def show_json(self, value: object, *, is_line: bool = False) -> None:
        """A wire value, or a structure of them, as JSON; ``is_line`` for one of many on a line of its own."""
        self.show(json.dumps(_to_json(value), indent=None if is_line else 2, ensure_ascii=False))

    def say(self, text: str, *, style: str = "") -> None:
        """Words about it."""
        _write(self.stderr, text, style if self.is_stderr_color else "")

    def ask(self, prompt: str) -> str:
        """A line that is typed in answer."""
        self.stderr.write(prompt)
        self.stderr.flush()
        return self.stdin.readline().strip()


def process_surroundings() -> Surroundings:
    """This process's own."""
    return Surroundings(environ=os.environ, folder=Path.cwd(), stdin=sys.stdin)


def process_io(environ: Mapping[str, str]) -> Io:
    """This process's streams; honours NO_COLOR and TERM=dumb."""
    can_redraw = environ.get("TERM", "dumb") != "dumb"
    is_colorful = can_redraw and not environ.get("NO_COLOR")
    return Io(
        stdin=sys.stdin,
        stdout=sys.stdout,
        stderr=sys.stderr,
        is_live=can_redraw and sys.stderr.isatty(),
        is_stdin_terminal=sys.stdin.isatty(),
        is_stdout_color=is_colorful and sys.stdout.isatty(),
        is_stderr_color=is_colorful and sys.stderr.isatty(),
        ask_secret=_ask_secret,
    )


def _write(stream: TextIO, text: str, style: str) -> None:
    stream.write(f"\x1b[{_STYLES[style]}m{text}\x1b[0m\n" if style else f"{text}\n")
    stream.flush()


def _ask_secret(prompt: str) -> str:
    from getpass import getpass

    return getpass(prompt, stream=sys.stderr)


def _to_json(value: object) -> Any:
    from pvdify.client.encode import to_json

    return to_json(value)
