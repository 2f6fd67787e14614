"""Entries of a deploy log."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum


class EntryKind(Enum):
    """The kinds of entries."""

    STEP_STARTED = "step-started"
    STEP_DONE = "step-done"
    STEP_FAILED = "step-failed"
    OUTPUT = "output"  # a line of a hook's output
    NOTE = "note"


@dataclass(frozen=True, kw_only=True)
class LogEntry:
    """One line. ``step``: the step's display name. ``seconds``: its duration.

    ``source``: the container that wrote a line of output.
    """

    at: datetime
    kind: EntryKind
    step: str = ""
    text: str = ""
    seconds: float | None = None
    source: str = ""
