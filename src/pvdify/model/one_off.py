"""One-off commands: what goes in and comes out of one while it runs."""

from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True, kw_only=True)
class TerminalSize:
    """How large the terminal is that a command is shown on."""

    rows: int
    columns: int


class Stream(Enum):
    """Where a command wrote to; at a terminal all of it is STDOUT."""

    STDOUT = "stdout"
    STDERR = "stderr"


@dataclass(frozen=True, kw_only=True)
class Output:
    """A piece of what a command wrote."""

    stream: Stream
    data: bytes
