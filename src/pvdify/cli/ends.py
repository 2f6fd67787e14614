"""The streams of a command that runs on the server: local input, and its output."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TextIO

from pvdify.cli.io import Io

LARGEST_PIECE = 32 * 1024


@dataclass(frozen=True, kw_only=True)
class Ends:
    """Standard input, output and error of this process, as bytes."""

    stdin: TextIO
    stdout: TextIO
    stderr: TextIO
    is_terminal: bool

    @classmethod
    def of(cls, io: Io) -> "Ends":
        """Return the streams of ``io``; they count as a terminal only if input and output are one."""
        is_terminal = io.is_stdin_terminal and io.stdout.isatty()
        return cls(stdin=io.stdin, stdout=io.stdout, stderr=io.stderr, is_terminal=is_terminal)

    def read(self) -> bytes:
        """Read the next bytes; empty at the end of input."""
        try:
            # without Python's buffers: a thread that waits in a buffered read would block the exit
            return os.read(self.stdin.fileno(), LARGEST_PIECE)
        except (OSError, ValueError):
            return b""

    def write(self, stream: str, data: bytes) -> None:
        """Write output at once."""
        chosen = self.stderr if stream == "stderr" else self.stdout
        chosen.buffer.write(data)
        chosen.flush()

    def size(self) -> tuple[int, int]:
        """Return the terminal's rows and columns, or 24 and 80."""
        try:
            columns, rows = os.get_terminal_size(self.stdout.fileno())
        except OSError:
            return 24, 80
        return rows or 24, columns or 80

    @contextmanager
    def raw(self) -> Iterator[None]:
        """Set the terminal to raw mode, in which Ctrl-C is sent to the command; restore the mode at the end."""
        import termios
        import tty

        before = termios.tcgetattr(self.stdin.fileno())
        tty.setraw(self.stdin.fileno(), termios.TCSADRAIN)  # keeps the input that was typed before
        try:
            yield
        finally:
            termios.tcsetattr(self.stdin.fileno(), termios.TCSADRAIN, before)

    @contextmanager
    def resized(self, report: Callable[[tuple[int, int]], None]) -> Iterator[None]:
        """Call ``report`` with the new size whenever the terminal's size changes."""
        before = signal.signal(signal.SIGWINCH, lambda *_: report(self.size()))
        try:
            yield
        finally:
            signal.signal(signal.SIGWINCH, before)
