"""One-off commands: terminal size and output."""

from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True, kw_only=True)
class TerminalSize:
    """The size of the terminal on which a command's output is shown."""

    rows: int
    columns: int


class Stream(Enum):
    """The stream of a command's output; on a terminal all output is STDOUT."""

    STDOUT = "stdout"
    STDERR = "stderr"


@dataclass(frozen=True, kw_only=True)
class Output:
    """A piece of a command's output."""

    stream: Stream
    data: bytes
