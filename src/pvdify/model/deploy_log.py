"""The lines of a deploy log."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum


class EntryKind(Enum):
    """The kind of an entry."""

    STEP_STARTED = "step-started"
    STEP_DONE = "step-done"
    STEP_FAILED = "step-failed"
    OUTPUT = "output"  # a line that a hook wrote
    NOTE = "note"


@dataclass(frozen=True, kw_only=True)
class LogEntry:
    """One line. ``step`` is the step's name as people see it, ``seconds`` how long it took.

    ``source`` is the container that wrote a line of output.
    """

    at: datetime
    kind: EntryKind
    step: str = ""
    text: str = ""
    seconds: float | None = None
    source: str = ""
