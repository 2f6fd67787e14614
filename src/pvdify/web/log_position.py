"""The position of a reader in the output of several instances: the id of an event, to continue after it."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from pvdify.engine.reading.runtime_logs import Writer

INSTANT = timedelta(microseconds=1)
EPOCH = datetime.fromtimestamp(0, UTC)
SILENT_SECONDS = 60.0  # an instance that was silent for this long writes nothing older, and needs no mark of its own


@dataclass(frozen=True, kw_only=True, order=True)
class Mark:
    """A line of an instance: its timestamp, and its index among lines with the same timestamp."""

    at: datetime
    count: int = 1

    @classmethod
    def after(cls, last: "Mark | None", at: datetime) -> "Mark":
        """Return the mark of the instance's next line, written at ``at``."""
        return cls(at=at, count=last.count + 1) if last is not None and last.at == at else cls(at=at)


@dataclass(kw_only=True)
class Position:
    """The last line read of each instance. An instance without a mark has been read up to ``floor``.

    Each instance needs its own mark: lines of two instances are not sent in the order in which they were written.
    """

    floor: datetime
    marks: dict[str, Mark] = field(default_factory=dict)
    clock: Callable[[], float] = time.monotonic
    _sent: dict[str, float] = field(init=False)

    def __post_init__(self) -> None:
        self._sent = dict.fromkeys(self.marks, self.clock())

    @classmethod
    def of(cls, text: str) -> "Position | None":
        """Parse the text that ``id`` returns; return None for any other text."""
        floor, *marks = text.split(";")
        try:
            at = datetime.fromisoformat(floor)
            return cls(floor=at, marks=dict(map(_read_mark, marks))) if at.tzinfo is not None else None
        except (ValueError, OverflowError):
            return None

    @property
    def id(self) -> str:
        """The position as the id of an event: ``FLOOR;web.1.v42@MICROSECONDS/COUNT``."""
        marks = (f"{key}@{(mark.at - EPOCH) // INSTANT}/{mark.count}" for key, mark in self.marks.items())
        return ";".join((self.floor.isoformat(), *marks))

    @property
    def begin(self) -> datetime:
        """The time up to which the lines of every instance have been read."""
        return min((self.floor, *(mark.at - INSTANT for mark in self.marks.values())))

    def has(self, writer: Writer, mark: Mark) -> bool:
        """Return whether this line has been read."""
        last = self.marks.get(_key(writer))
        return mark <= last if last is not None else mark.at <= self.floor

    def move(self, writer: Writer, at: datetime) -> None:
        """Record that the next line of this instance has been read, and drop the marks of silent instances."""
        key, now = _key(writer), self.clock()
        self.marks[key], self._sent[key] = Mark.after(self.marks.get(key), at), now
        for silent in [key for key, then in self._sent.items() if now - then > SILENT_SECONDS]:
            del self._sent[silent]
            self.floor = max(self.floor, self.marks.pop(silent).at)


def _key(writer: Writer) -> str:
    return f"{writer.process}.{writer.number}.v{writer.release}"


def _read_mark(text: str) -> tuple[str, Mark]:
    key, _, rest = text.partition("@")
    microseconds, _, count = rest.partition("/")
    return key, Mark(at=EPOCH + timedelta(microseconds=int(microseconds)), count=int(count))
