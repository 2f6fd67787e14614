"""What conmon 2.1 writes for a container: entries in the journal, and records in a small file that it replaces."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pvdify.adapters.podman.instances import launch
from pvdify.adapters.systemd.parse import Entry

BUFFER = 8192
START = datetime(2026, 12, 1, 12, tzinfo=UTC)
INSTANT = timedelta(microseconds=1)


class FakeConmon:
    """Call ``write`` with what one read of a pipe returned. ``now`` moves a microsecond with each entry.

    ``delay``: how long after that journald stores an entry.
    """

    def __init__(
        self, directory: Path, *, container: str = "c1", tag: str = "web.s", size: int = 2000,
        delay: timedelta = timedelta(),
    ) -> None:  # fmt: skip
        self.now = START
        self._delay = delay
        self.entries: list[Entry] = []
        self._file, self._size = directory / launch.LAST_LINE, size
        self._container, self._tag = container, tag
        self._written = 0
        self._kept = {"stdout": b"", "stderr": b""}
        directory.mkdir(exist_ok=True)
        (directory / "cid").write_text(container)
        self._file.unlink(missing_ok=True)
        self._file.write_text(launch.LAST_LINE_BEGIN)

    def write(self, data: bytes, stream: str = "stdout") -> None:
        self.now += INSTANT
        for text in _lines(data):
            self._record(text, stream)
        for text in _lines(data):
            self._send(text, stream)

    def end(self) -> None:
        """The container has ended."""
        for stream, kept in self._kept.items():
            if kept:
                self._kept[stream] = b""
                self._entry(kept, stream, is_part=True)

    def _record(self, text: bytes, stream: str) -> None:
        is_part = not text.endswith(b"\n")
        time = f"{self.now.isoformat(timespec='microseconds').replace('+', '000+')} {stream} "
        record = time.encode() + (b"P " if is_part else b"F ") + text + (b"\n" if is_part else b"")
        if self._written + len(record) > self._size:
            self._written = 0
            new = self._file.with_suffix(".tmp")
            new.write_bytes(b"")
            new.replace(self._file)
        with self._file.open("ab") as file:
            file.write(record)
        self._written += len(record)

    def _send(self, text: bytes, stream: str) -> None:
        is_part, kept = not text.endswith(b"\n"), self._kept[stream]
        if is_part and len(text) < BUFFER - len(kept):
            self._kept[stream] += text
            return
        self._kept[stream] = b""
        self._entry(kept + text, stream, is_part=is_part)

    def _entry(self, data: bytes, stream: str, *, is_part: bool) -> None:
        self.now += INSTANT
        self.entries.append(
            Entry(at=self.now + self._delay, sent_at=self.now, tag=self._tag, stream=stream,
                  data=data.removesuffix(b"\n"), is_part=is_part, container=self._container)
        )  # fmt: skip


def _lines(data: bytes) -> Iterator[bytes]:
    while data:
        line, end, data = data.partition(b"\n")
        yield line + end
