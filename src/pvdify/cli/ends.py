"""Both ends of a command that runs elsewhere: what is typed or piped in here, and where its output goes."""

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
    """Bytes in, bytes out."""

    stdin: TextIO
    stdout: TextIO
    stderr: TextIO
    is_terminal: bool

    @classmethod
    def of(cls, io: Io) -> "Ends":
        """This command's own streams; a terminal only if both ends are one."""
        is_terminal = io.is_stdin_terminal and io.stdout.isatty()
        return cls(stdin=io.stdin, stdout=io.stdout, stderr=io.stderr, is_terminal=is_terminal)

    def read(self) -> bytes:
        """What comes next; nothing at its end."""
        try:
            # past Python's own buffers: a thread that waits in one of those could not be left behind at the end
            return os.read(self.stdin.fileno(), LARGEST_PIECE)
        except (OSError, ValueError):
            return b""

    def write(self, stream: str, data: bytes) -> None:
        """A piece of its output, at once."""
        chosen = self.stderr if stream == "stderr" else self.stdout
        chosen.buffer.write(data)
        chosen.flush()

    def size(self) -> tuple[int, int]:
        """Rows and columns."""
        try:
            columns, rows = os.get_terminal_size(self.stdout.fileno())
        except OSError:
            return 24, 80
        return rows or 24, columns or 80

    @contextmanager
    def raw(self) -> Iterator[None]:
        """Each key goes through as it is, Ctrl-C too; afterwards the terminal is as it was."""
        import termios
        import tty

        before = termios.tcgetattr(self.stdin.fileno())
        tty.setraw(self.stdin.fileno(), termios.TCSADRAIN)  # what was typed ahead is kept
        try:
            yield
        finally:
            termios.tcsetattr(self.stdin.fileno(), termios.TCSADRAIN, before)

    @contextmanager
    def resized(self, tell: Callable[[tuple[int, int]], None]) -> Iterator[None]:
        """Tell the new size whenever it changes."""
        before = signal.signal(signal.SIGWINCH, lambda *_: tell(self.size()))
        try:
            yield
        finally:
            signal.signal(signal.SIGWINCH, before)
