"""The records of conmon's ``k8s-file`` logs as lines."""

from datetime import datetime

from pvdify.model.instance import LogLine
from pvdify.ports.instance_logs import LONGEST_LINE


class LineAssembler:
    """Puts the pieces of long lines together, apart for each stream."""

    def __init__(self, instance: str) -> None:
        self._instance = instance
        self._pieces: dict[str, list[str]] = {}
        self._at: dict[str, datetime] = {}

    @property
    def is_holding(self) -> bool:
        """Whether a line has begun and not ended."""
        return any(self._pieces.values())

    def add(self, raw: bytes) -> LogLine | None:
        """The line that this record ends; None for a piece (``P``), or for what is no record."""
        parts = raw.decode(errors="replace").rstrip("\r").split(" ", 3)
        at = _time(parts[0])
        if at is None or len(parts) < 4:
            return None
        _, stream, flag, text = parts
        pieces = self._pieces.setdefault(stream, [])
        pieces.append(text)
        self._at[stream] = at
        is_piece = flag.startswith("P")
        if is_piece and sum(map(len, pieces)) < LONGEST_LINE:
            return None
        return self._take(stream, is_part=is_piece)

    def rest(self) -> list[LogLine]:
        """What has no end yet."""
        held = [stream for stream, pieces in self._pieces.items() if pieces]
        return sorted((self._take(stream, is_part=True) for stream in held), key=when)

    def _take(self, stream: str, *, is_part: bool) -> LogLine:
        text = "".join(self._pieces[stream])
        self._pieces[stream] = []
        return LogLine(at=self._at[stream], instance=self._instance, stream=stream, text=text, is_part=is_part)


def when(line: LogLine) -> datetime:
    """What lines of several files are merged by."""
    return line.at


def _time(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo is not None else None
