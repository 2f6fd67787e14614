"""Lines from journal entries, and from the text that containers have written after their last line end."""

from collections import deque
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from pvdify.adapters.systemd.parse import Entry
from pvdify.model.instance import LogLine
from pvdify.plumbing.containers import OutputEnd, Unended
from pvdify.plumbing.part_of_text import Piece, decode_part, decode_pieces
from pvdify.ports.instance_logs import LONGEST_LINE, PATIENCE

BEGINNING = datetime.min.replace(tzinfo=UTC)
MOST_ENDS = 20_000  # remembered line ends of an instance; conmon writes at most 8192 at once
BORDER = timedelta(seconds=1)  # an entry is in the journal at most this long after conmon has read its text
UNENDED_AFTER = timedelta(seconds=PATIENCE)


@dataclass(kw_only=True)
class _Line:
    """The line that a stream is in. ``received``: its bytes that the journal had; ``unshown``: the last ones of them.

    ``ahead``: the bytes after ``received`` that were returned before the journal had them. ``unshown`` or ``ahead`` is
    empty.
    """

    received: int = 0
    unshown: bytes = b""
    ahead: bytes = b""

    @property
    def shown(self) -> int:
        """How many bytes of the line were returned."""
        return self.received - len(self.unshown) + len(self.ahead)

    def add(self, data: bytes) -> None:
        """Add what the journal has, without the bytes that were returned before."""
        self.received += len(data)
        if data.startswith(self.ahead):
            self.unshown, self.ahead = self.unshown + data[len(self.ahead) :], b""
        elif self.ahead.startswith(data):
            self.ahead = self.ahead[len(data) :]
        else:
            self.unshown, self.ahead = self.unshown + data, b""

    def take(self) -> str:
        """Return the text that was not returned yet, if it can be decoded."""
        text, self.unshown = decode_part(self.unshown)
        return text

    def after_shown(self, pieces: Iterable[Piece]) -> Iterator[Piece]:
        """Yield what these pieces of the line have after the bytes that were returned."""
        skipped = self.shown
        for at, data in pieces:
            if len(data) > skipped:
                yield at, data[skipped:]
            skipped = max(0, skipped - len(data))

    def set_shown(self, shown: int, whole: bytes) -> None:
        """Note that this many bytes of the line were returned; ``whole`` is the line until now."""
        self.unshown, self.ahead = whole[shown : self.received], whole[self.received : shown]


@dataclass(kw_only=True)
class _Writer:
    """A container that writes.

    ``ends``: when its newest lines were sent, and their streams; ``last``: the newest entry of each stream that ended
    a line; ``newest``: the time of the newest of all that was read.
    """

    container: str
    newest: datetime = BEGINNING
    ends: deque[tuple[datetime, str]] = field(default_factory=lambda: deque(maxlen=MOST_ENDS))
    last: dict[str, bytes] = field(default_factory=dict)
    streams: dict[str, _Line] = field(default_factory=dict)


class Lines:
    """An assembler that joins the parts of long lines, separately for each instance and stream.

    Args:
        server: the id of the server, the end of each tag.
        floor: entries from before this moment are not added.
    """

    def __init__(self, server: str, floor: datetime = BEGINNING) -> None:
        self._suffix = f".{server}"
        self._floor = floor
        self._first_sent: datetime | None = None
        self._writers: dict[str, _Writer] = {}

    @property
    def is_holding(self) -> bool:
        """Whether there is text that ``rest`` would return."""
        lines = (line for writer in self._writers.values() for line in writer.streams.values())
        return any(line.unshown and decode_part(line.unshown)[0] for line in lines)

    def add_all(self, entries: Iterable[Entry | None]) -> Iterator[LogLine]:
        """Yield the lines that these entries complete. A line of LONGEST_LINE characters is yielded incomplete."""
        for entry in entries:
            if entry is not None:
                yield from self._add(entry, self.instance_of(entry))

    def instance_of(self, entry: Entry) -> str:
        """Return the name of the instance that wrote the entry."""
        return entry.tag.removesuffix(self._suffix)

    def rest(self) -> list[LogLine]:
        """Return all incomplete lines as parts."""
        return [
            LogLine(at=writer.newest, instance=instance, stream=stream, text=text, is_part=True)
            for instance, writer in self._writers.items()
            for stream, line in writer.streams.items()
            if line.unshown and (text := line.take())
        ]

    def place_of(self, instance: str, end: OutputEnd) -> int:
        """Return -1 if lines before this end are still to be added, 0 if none, and 1 if later ones were added."""
        writer = self._writers.get(instance)
        ends = deque[tuple[datetime, str]]()
        if writer is not None and writer.container == end.container:
            ends = writer.ends
        since, count = end.ended_at or BEGINNING, end.ended
        if since < self._floor:  # its entries may be just before or just after the floor
            since, count = (self._floor + BORDER if end.ended_at else BEGINNING), 0
        while ends and ends[0][0] < since:
            ends.popleft()
        return (len(ends) > count) - (len(ends) < count)

    def has_news(self, instance: str, end: OutputEnd, unended: Unended) -> bool:
        """Return whether ``show`` would return text of this stream."""
        return bool(decode_part(unended.data[self._shown(instance, end, unended) :])[0])

    def is_late(self, instance: str, end: OutputEnd, unended: Unended, now: datetime) -> bool:
        """Return whether nothing of this line was returned yet, although it began longer ago than PATIENCE."""
        return self._shown(instance, end, unended) == 0 and unended.begun + UNENDED_AFTER <= now

    def show(
        self, instance: str, end: OutputEnd, streams: Container[str], began: datetime
    ) -> Iterator[LogLine]:  # fmt: skip
        """Yield what these streams have after this end and was not returned yet, as parts of their lines.

        All lines before this end were added, and none after it. ``began``: see ``decode_pieces``.
        """
        yield from self._begin(instance, end.container)
        writer = self._writers[instance]
        for unended in end.unended:
            if unended.stream not in streams:
                continue
            line = writer.streams.setdefault(unended.stream, _Line())
            if line.received == 0 and not line.ahead and unended.begun < self._floor:
                line.received = unended.passed_on  # in entries that are not added
            if unended.data[line.received - len(line.unshown) :].startswith(line.unshown):
                yield from self._parts(instance, unended, line, began)

    def tail_of(self, ends: Mapping[str, OutputEnd], now: datetime, *, is_all: bool) -> Iterator[LogLine]:
        """Yield what these instances have after their last line end. Add first what was in the journal after ``ends``.

        Returns also what the journal already had of these lines. ``is_all``: all entries since the floor were added.
        """
        for instance, end in ends.items():
            writer = self._writers.get(instance)
            for unended in end.unended if self._has_lines_before(instance, end, is_all=is_all) else ():
                if unended.begun + UNENDED_AFTER <= now and not _has_ended(writer, end, unended):
                    yield from self._begin(instance, end.container)
                    line = self._writers[instance].streams[unended.stream] = _Line()
                    yield from self._parts(instance, unended, line, BEGINNING)

    def _has_lines_before(self, instance: str, end: OutputEnd, *, is_all: bool) -> bool:
        """Return whether the newest lines before this end were added, or are from before the first entry."""
        since = end.ended_at
        if since is None or since < self._floor:
            return True
        if not is_all and self._first_sent is not None and self._first_sent > since:
            return True
        writer = self._writers.get(instance)
        ends = writer.ends if writer is not None and writer.container == end.container else ()
        return sum(sent_at >= since for sent_at, _ in ends) >= end.ended

    def _add(self, entry: Entry, instance: str) -> Iterator[LogLine]:
        self._first_sent = self._first_sent or entry.sent_at
        yield from self._begin(instance, entry.container)
        writer = self._writers[instance]
        writer.newest = entry.at
        line = writer.streams.setdefault(entry.stream, _Line())
        line.add(entry.data)
        if not entry.is_part:
            writer.ends.append((entry.sent_at, entry.stream))
            writer.last[entry.stream] = entry.data
            del writer.streams[entry.stream]
            yield _whole(entry.at, instance, entry.stream, line)
        elif len(line.unshown) >= LONGEST_LINE and len(decode_part(line.unshown)[0]) >= LONGEST_LINE:
            yield LogLine(at=entry.at, instance=instance, stream=entry.stream, text=line.take(), is_part=True)

    def _begin(self, instance: str, container: str) -> Iterator[LogLine]:
        """Begin with another container of the instance; yield the lines that the one before has not ended."""
        writer = self._writers.get(instance)
        if writer is not None and writer.container == container:
            return
        self._writers[instance] = _Writer(container=container)
        for stream, line in writer.streams.items() if writer is not None else ():
            if writer is not None and line.unshown:
                yield _whole(writer.newest, instance, stream, line)

    def _parts(self, instance: str, unended: Unended, line: _Line, began: datetime) -> Iterator[LogLine]:
        writer = self._writers[instance]
        newest = writer.newest  # followers skip what is older
        pieces = [(max(at, newest), data) for at, data in line.after_shown(unended.pieces)]
        texts, held = decode_pieces(pieces, began)
        if pieces:
            line.set_shown(len(unended.data) - len(held), unended.data)
        for at, text in texts:
            writer.newest = at
            yield LogLine(at=at, instance=instance, stream=unended.stream, text=text, is_part=True)

    def _shown(self, instance: str, end: OutputEnd, unended: Unended) -> int:
        writer = self._writers.get(instance)
        if writer is None or writer.container != end.container or unended.stream not in writer.streams:
            return 0
        return writer.streams[unended.stream].shown


def _has_ended(writer: _Writer | None, end: OutputEnd, unended: Unended) -> bool:
    """Return whether the journal has the end of the line, or a later container of the instance."""
    if writer is None:
        return False
    if writer.container != end.container:
        return writer.newest > unended.at
    if unended.lines_before and not end.is_exact:
        last = writer.last.get(unended.stream, b"")
        return last.startswith(unended.data) or not last.endswith(unended.line_before)
    later = sum(at >= unended.begun and stream == unended.stream for at, stream in writer.ends)
    return later > unended.lines_before


def _whole(at: datetime, instance: str, stream: str, line: _Line) -> LogLine:
    text = line.unshown.removesuffix(b"\r").decode(errors="replace")
    return LogLine(at=at, instance=instance, stream=stream, text=text)
