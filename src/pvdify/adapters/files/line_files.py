"""Append-only files with one JSON object per line. Each read continues where an earlier read ended."""

import asyncio
import os
import threading
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Generic, TypeVar

import structlog
from pydantic import TypeAdapter, ValidationError

log = structlog.get_logger()
ItemT = TypeVar("ItemT")
MOST_OFFSETS = 1000  # that are remembered, over all files
MOST_HELD = 256 * 1024  # bytes per file that are held in memory while the file cannot be written
MOST_FILES_HELD = 100
_Offset = tuple[int, int]  # a number of items, and the byte behind them


class LineFiles(Generic[ItemT]):
    """Files of lines, to append to and to read. Only one process may append.

    The offsets where reads ended are remembered, so that a follower does not read a file from its beginning each time.
    Lines that cannot be written (disk full or broken, no descriptor left) are held in memory up to ``MOST_HELD`` bytes
    per file, and written with the next lines.

    Args:
        item: the type of a line.
        event: the name of the log event when lines cannot be written.
    """

    def __init__(self, item: TypeAdapter[ItemT], event: str) -> None:
        self._item = item
        self._event = event
        self._offsets: OrderedDict[tuple[Path, int], int] = OrderedDict()
        self._held: dict[Path, bytes] = {}
        self._writing = threading.Lock()

    async def append(self, file: Path, items: Sequence[ItemT], **about: object) -> None:
        """Append items: all of them, or none until the file can be written. OSError is logged with ``about``."""
        lines = b"".join(self._item.dump_json(each) + b"\n" for each in items)
        try:
            await asyncio.to_thread(self._append, file, lines)
        except OSError as error:
            waiting = len(self._held.get(file, b""))
            log.warning(self._event, **about, why=error.strerror or str(error), bytes_waiting=waiting)

    async def read(self, file: Path, *, skip: int = 0, most: int | None = None) -> tuple[ItemT, ...]:
        """Return the items after the first ``skip``, at most ``most``; none if the file cannot be read."""
        known = self._offsets.get((file, skip))
        start = (0, 0) if known is None else (skip, known)
        try:
            items, end = await asyncio.to_thread(self._read, file, start, skip, most)
        except OSError:
            return ()
        self._offsets[file, skip + len(items)] = end
        while len(self._offsets) > MOST_OFFSETS:
            self._offsets.popitem(last=False)
        return tuple(items)

    def forget(self, directory: Path) -> None:
        """Forget the offsets and the held lines of all files below this directory."""
        for offset in [each for each in self._offsets if directory in each[0].parents]:
            del self._offsets[offset]
        with self._writing:
            for file in [each for each in self._held if directory in each.parents]:
                del self._held[file]

    def _append(self, file: Path, lines: bytes) -> None:
        with self._writing:
            waiting = self._held.get(file, b"")
            try:
                append_whole(file, waiting + lines)
            except OSError:
                if len(waiting + lines) <= MOST_HELD and (file in self._held or len(self._held) < MOST_FILES_HELD):
                    self._held[file] = waiting + lines
                raise
            self._held.pop(file, None)

    def _read(self, file: Path, start: _Offset, skip: int, most: int | None) -> tuple[list[ItemT], int]:
        """Return the items, and the offset behind the last one. A last line without a line end is not an item yet."""
        items: list[ItemT] = []
        count, at = start
        with file.open("rb") as lines:
            lines.seek(at)
            for line in lines:
                if not line.endswith(b"\n") or (most is not None and len(items) >= most):
                    break
                at += len(line)
                with suppress(ValidationError):
                    item = self._item.validate_json(line)
                    count += 1
                    if count > skip:
                        items.append(item)
        return items, at


def append_whole(file: Path, lines: bytes) -> None:
    """Append lines to the file, which is created if it is missing. Raises OSError; then the file has not changed."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        size = os.fstat(descriptor).st_size
        if size and os.pread(descriptor, 1, size - 1) != b"\n":
            lines = b"\n" + lines  # end a line that a power cut left incomplete
        written = 0
        try:
            while written < len(lines):
                written += os.write(descriptor, lines[written:])
        except OSError:
            os.ftruncate(descriptor, size)
            raise
    finally:
        os.close(descriptor)
