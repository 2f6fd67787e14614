"""Conversion of the records of conmon's ``k8s-file`` logs into lines."""

from datetime import datetime

from pvdify.model.instance import LogLine
from pvdify.ports.instance_logs import LONGEST_LINE


class LineAssembler:
    """An assembler that joins the pieces of long lines, separately for each stream."""

    def __init__(self, instance: str) -> None:
        self._instance = instance
        self._pieces: dict[str, list[str]] = {}
        self._at: dict[str, datetime] = {}

    @property
    def is_holding(self) -> bool:
        """Whether there is an incomplete line."""
        return any(self._pieces.values())

    def add(self, raw: bytes) -> LogLine | None:
        """Return the line that this record completes; None for a piece (``P``) or an invalid record.

        A line of LONGEST_LINE characters is returned incomplete.
        """
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
        """Return the incomplete lines, and drop them."""
        held = [stream for stream, pieces in self._pieces.items() if pieces]
        return sorted((self._take(stream, is_part=True) for stream in held), key=when)

    def _take(self, stream: str, *, is_part: bool) -> LogLine:
        text = "".join(self._pieces[stream])
        self._pieces[stream] = []
        return LogLine(at=self._at[stream], instance=self._instance, stream=stream, text=text, is_part=is_part)


def when(line: LogLine) -> datetime:
    """Return the sort key with which lines of several files are merged."""
    return line.at


def _time(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo is not None else None
