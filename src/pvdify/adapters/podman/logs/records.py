"""Conversion of the records of conmon's ``k8s-file`` logs into lines."""

from collections.abc import Iterable
from datetime import UTC, datetime

from pvdify.model.instance import LogLine
from pvdify.plumbing.part_of_text import Piece, decode_part, decode_pieces
from pvdify.ports.instance_logs import LONGEST_LINE

BEGINNING = datetime.min.replace(tzinfo=UTC)


class LineAssembler:
    """An assembler that joins the pieces of long lines, separately for each stream."""

    def __init__(self, instance: str) -> None:
        self._instance = instance
        self._pieces: dict[str, list[Piece]] = {}
        self._ended_at = BEGINNING  # of the newest line

    @property
    def is_holding(self) -> bool:
        """Whether there is text that ``rest`` would return."""
        return any(pieces and decode_part(_joined(pieces))[0] for pieces in self._pieces.values())

    def add(self, raw: bytes) -> LogLine | None:
        """Return the line that this record completes; None for a piece (``P``) or an invalid record.

        A line of LONGEST_LINE characters is returned incomplete.
        """
        parts = raw.split(b" ", 3)
        at = moment(parts[0].decode(errors="replace"))
        if at is None or len(parts) < 4:
            return None
        stream, flag, text = parts[1].decode(errors="replace"), parts[2], parts[3]
        pieces = self._pieces.setdefault(stream, [])
        pieces.append((at, text))
        if not flag.startswith(b"P"):
            self._pieces[stream], self._ended_at = [], at
            whole = _joined(pieces).removesuffix(b"\r").decode(errors="replace")
            return LogLine(at=at, instance=self._instance, stream=stream, text=whole)
        is_long = sum(len(data) for _, data in pieces) >= LONGEST_LINE
        if is_long and len(decode_part(_joined(pieces))[0]) >= LONGEST_LINE:
            return self._take(stream, BEGINNING)[0]
        return None

    def rest(self, began: datetime = BEGINNING) -> list[LogLine]:
        """Return the incomplete lines, and drop them. ``began``: see ``decode_pieces``."""
        streams = [stream for stream, pieces in self._pieces.items() if pieces]
        return sorted((line for stream in streams for line in self._take(stream, began)), key=when)

    def _take(self, stream: str, began: datetime) -> list[LogLine]:
        # followers skip what is older than the newest line
        pieces = [(max(at, self._ended_at), data) for at, data in self._pieces[stream]]
        texts, held = decode_pieces(pieces, began)
        last = pieces[-1][0]
        self._pieces[stream] = [(last, held)] if held else []
        return [
            LogLine(at=at, instance=self._instance, stream=stream, text=text, is_part=True)
            for at, text in texts or [(last, "")]
        ]


def _joined(pieces: Iterable[Piece]) -> bytes:
    return b"".join(data for _, data in pieces)


def when(line: LogLine) -> datetime:
    """Return the sort key with which lines of several files are merged."""
    return line.at


def moment(text: str) -> datetime | None:
    """Return the time of a record; None if it is invalid."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo is not None else None
