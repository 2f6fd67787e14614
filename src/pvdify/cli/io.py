"""The streams, the environment and the folder of a command."""

import json
import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from pvdify.wire.terminal_text import lines_of, shown_at_terminal, shown_in_workflow

if TYPE_CHECKING:
    from pvdify.cli.workflow import Workflow

_CONTROLS = "[\x7f-\x9f\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]"
_STYLES = {"error": "31", "good": "32", "faint": "2"}
_PREFIX_COLORS = ("36", "33", "35", "34", "32", "96", "93", "95")


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """Inputs of a command besides its arguments."""

    environ: Mapping[str, str] = field(repr=False)
    folder: Path
    stdin: TextIO


@dataclass(frozen=True, kw_only=True)
class Io:
    """The streams of a command. Results go to stdout; messages, progress and errors to stderr; each line at once.

    Any text may contain text from others, so control characters are removed here: see ``wire/terminal_text.py``.
    ``is_live``: stderr is a terminal that can redraw a line. ``ask_secret`` reads a line without echo. ``workflow``:
    receives the results of releases in a GitHub workflow. ``browse`` opens an address in a browser, and returns False
    if there is no browser.
    """

    stdin: TextIO
    stdout: TextIO
    stderr: TextIO
    is_live: bool = False
    is_stdin_terminal: bool = False
    is_stdout_terminal: bool = False
    is_stdout_color: bool = False
    is_stderr_color: bool = False
    is_in_workflow: bool = False
    ask_secret: Callable[[str], str] = lambda _prompt: ""
    workflow: "Workflow | None" = None
    browse: Callable[[str], bool] = lambda _url: True

    def show(self, text: str, *, style: str = "") -> None:
        """Print a result of one or more lines on stdout."""
        _write(self.stdout, self._safe(text, is_color=self.is_stdout_color), style if self.is_stdout_color else "")

    def show_value(self, text: str) -> None:
        """Print a value on stdout, exactly as it is unless stdout is a terminal or the log of a workflow."""
        is_seen = self.is_stdout_terminal or self.is_in_workflow
        shown = self._safe(text, is_color=False) if is_seen else text
        _write(self.stdout, shown, "")
        if shown != text:
            self.say("printed without what could control this terminal or workflow; --json has the exact value")

    def show_prefixed(self, prefix: str, text: str, *, color: int) -> None:
        """Print a line on stdout, with a prefix in one of a few colors."""
        code = _PREFIX_COLORS[color % len(_PREFIX_COLORS)]
        shown = f"\x1b[{code}m{prefix}\x1b[0m" if self.is_stdout_color else prefix
        for line in lines_of(text):  # text of an app cannot start a line without the prefix
            self.show(f"{shown} {line}")

    def show_json(self, value: object, *, is_line: bool = False) -> None:
        """Print a wire value, or a structure of them, as JSON; ``is_line``: on a single line."""
        text = _json_text(value, is_line=is_line)
        # GitHub's runner looks for this old form of a command anywhere in a line
        _write(self.stdout, text.replace("##[", "#\\u0023[") if self.is_in_workflow else text, "")

    def say(self, text: str, *, style: str = "") -> None:
        """Print a message on stderr."""
        _write(self.stderr, self._safe(text, is_color=self.is_stderr_color), style if self.is_stderr_color else "")

    def _safe(self, text: str, *, is_color: bool) -> str:
        """Return the text without sequences that control the terminal or the GitHub workflow."""
        shown = shown_at_terminal(text, with_colors=is_color)
        return shown_in_workflow(shown) if self.is_in_workflow else shown

    def ask(self, prompt: str) -> str:
        """Print the prompt on stderr, and return the line that the user types."""
        self.stderr.write(self._safe(prompt, is_color=False))
        self.stderr.flush()
        return typed(self.stdin.readline).strip()


def typed(read: Callable[[], str]) -> str:
    """Return what ``read`` reads from stdin. Raises InvalidError if it is no text."""
    try:
        return read()
    except UnicodeDecodeError as error:
        from pvdify.errors import InvalidError

        raise InvalidError(
            "what stdin has cannot be used", why="it is not UTF-8 text",
            next="encode it as text, for example with base64, and let the app decode it",
        ) from error  # fmt: skip


def process_surroundings() -> Surroundings:
    """Return the surroundings of this process. Its stdin is read as UTF-8 in any locale, line ends as they are."""
    if isinstance(sys.stdin, TextIOWrapper):
        sys.stdin.reconfigure(encoding="utf-8", errors="strict", newline="")
    return Surroundings(environ=os.environ, folder=Path.cwd(), stdin=sys.stdin)


def process_io(environ: Mapping[str, str]) -> Io:
    """Return this process's streams. NO_COLOR and TERM=dumb switch colors off."""
    can_redraw = environ.get("TERM", "dumb") != "dumb"
    is_colorful = can_redraw and not environ.get("NO_COLOR")
    return Io(
        stdin=sys.stdin,
        stdout=sys.stdout,
        stderr=sys.stderr,
        is_live=can_redraw and sys.stderr.isatty(),
        is_stdin_terminal=sys.stdin.isatty(),
        is_stdout_terminal=sys.stdout.isatty(),
        is_stdout_color=is_colorful and sys.stdout.isatty(),
        is_stderr_color=is_colorful and sys.stderr.isatty(),
        is_in_workflow=environ.get("GITHUB_ACTIONS") == "true",
        ask_secret=_ask_secret,
        browse=_browse,
    )


def _write(stream: TextIO, text: str, style: str) -> None:
    stream.write(f"\x1b[{_STYLES[style]}m{text}\x1b[0m\n" if style else f"{text}\n")
    stream.flush()


def _json_text(value: object, *, is_line: bool) -> str:
    """Return JSON in which every character that could control a terminal is escaped."""
    text = json.dumps(_to_json(value), indent=None if is_line else 2, ensure_ascii=False)
    return re.sub(_CONTROLS, lambda match: f"\\u{ord(match[0]):04x}", text)


def _ask_secret(prompt: str) -> str:
    from getpass import getpass

    return getpass(prompt, stream=sys.stderr)


def _browse(url: str) -> bool:
    from pvdify.cli.programs import browse

    return browse(url)


def _to_json(value: object) -> Any:
    from pvdify.client.encode import to_json

    return to_json(value)
