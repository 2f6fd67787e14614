"""Displays for the lines of a deploy log: redrawn in place at a terminal, plain elsewhere."""

import os
import threading
import time
from collections.abc import Callable
from typing import Protocol, TextIO

from pvdify.cli.io import Io
from pvdify.wire.deploy_log import step_line
from pvdify.wire.terminal_text import shown_at_terminal

_TICK_SECONDS = 0.1
_ERASE = "\r\x1b[2K"


class Display(Protocol):
    """A display for the lines of a deploy log."""

    def begin(self, step: str) -> None:
        """Report that a step has begun."""

    def line(self, text: str) -> None:
        """Show a line of the log."""

    def close(self) -> None:
        """End the display; the cursor is at the start of a line afterwards."""


def display(io: Io) -> Display:
    """Return the display that fits stderr."""
    return LiveDisplay(io.stderr, with_colors=io.is_stderr_color) if io.is_live else PlainDisplay(io)


class PlainDisplay:
    """A display that prints every line unchanged, for files, CI logs and pipes."""

    def __init__(self, io: Io) -> None:
        self._io = io

    def begin(self, step: str) -> None:
        """Do nothing: the step's line follows when the step is done."""

    def line(self, text: str) -> None:
        self._io.say(text)

    def close(self) -> None:
        """Do nothing."""


class LiveDisplay:
    """A display at a terminal.

    Finished lines stay. Below them the running step shows its time, until its own line replaces it.
    """

    def __init__(
        self, stream: TextIO, *, with_colors: bool = True, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._stream, self._with_colors = stream, with_colors
        self._clock = clock
        self._step = ""
        self._began = 0.0
        # The ticking thread and the thread that reads the log write to the same terminal line.
        self._writing = threading.Lock()
        self._closed = threading.Event()
        self._ticker: threading.Thread | None = None

    def begin(self, step: str) -> None:
        """Show the step with its running time."""
        with self._writing:
            self._step, self._began = step, self._clock()
            self._draw()
        if self._ticker is None:
            self._ticker = threading.Thread(target=self._tick, daemon=True)
            self._ticker.start()

    def line(self, text: str) -> None:
        """Print the line; a running step's own line replaces its time."""
        with self._writing:
            if self._step and text.removeprefix("  ").startswith(self._step):
                self._step = ""
            self._stream.write(f"{_ERASE}{shown_at_terminal(text, with_colors=self._with_colors)}\n")
            self._draw()

    def close(self) -> None:
        """Stop counting and erase the running line."""
        self._closed.set()
        if self._ticker is not None:
            self._ticker.join()
        with self._writing:
            self._step = ""
            self._stream.write(_ERASE)
            self._stream.flush()

    def _tick(self) -> None:
        while not self._closed.wait(_TICK_SECONDS):
            with self._writing:
                self._draw()

    def _draw(self) -> None:
        if self._step:
            text = step_line(shown_at_terminal(self._step, with_colors=False), "…", self._clock() - self._began)
            # A line that wraps could not be erased.
            self._stream.write(f"{_ERASE}{text[: self._width() - 1]}")
        self._stream.flush()

    def _width(self) -> int:
        try:
            return os.get_terminal_size(self._stream.fileno()).columns or 80
        except (OSError, ValueError):
            return 80
