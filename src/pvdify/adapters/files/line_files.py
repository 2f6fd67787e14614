"""Files of one JSON object a line, that grow at their end and are read on from where a reading ended."""

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
MOST_PLACES = 1000  # remembered of all files together
MOST_HELD = 256 * 1024  # bytes of one file that wait for room on the disk
MOST_FILES_HELD = 100
_Place = tuple[int, int]  # so many items come before this byte


class LineFiles(Generic[ItemT]):
    """Appends from one process. Where readings ended is remembered: no follower reads a file from its beginning.

    What cannot be written (a full or broken disk, no descriptor left) is held in memory, within bounds, and written
    with the next lines.

    Args:
        item: what a line is.
        event: the name of the log's event about lines that could not be written.
    """

    def __init__(self, item: TypeAdapter[ItemT], event: str) -> None:
        self._item = item
        self._event = event
        self._places: OrderedDict[tuple[Path, int], int] = OrderedDict()
        self._held: dict[Path, bytes] = {}
        self._writing = threading.Lock()

    async def append(self, file: Path, items: Sequence[ItemT], **about: object) -> None:
        """Add items, all of them or, for now, none. Never raises."""
        lines = b"".join(self._item.dump_json(each) + b"\n" for each in items)
        try:
            await asyncio.to_thread(self._append, file, lines)
        except OSError as error:
            waiting = len(self._held.get(file, b""))
            log.warning(self._event, **about, why=error.strerror or str(error), bytes_waiting=waiting)

    async def read(self, file: Path, *, skip: int = 0, most: int | None = None) -> tuple[ItemT, ...]:
        """Items from the one after ``skip`` on, ``most`` of them at most; none where the file cannot be read."""
        known = self._places.get((file, skip))
        start = (0, 0) if known is None else (skip, known)
        try:
            items, end = await asyncio.to_thread(self._read, file, start, skip, most)
        except OSError:
            return ()
        self._places[file, skip + len(items)] = end
        while len(self._places) > MOST_PLACES:
            self._places.popitem(last=False)
        return tuple(items)

    def forget(self, directory: Path) -> None:
        """Forget what is remembered of the files below this directory."""
        for place in [each for each in self._places if directory in each[0].parents]:
            del self._places[place]
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

    def _read(self, file: Path, start: _Place, skip: int, most: int | None) -> tuple[list[ItemT], int]:
        """The items and the byte behind the last one; a last line that a power cut left half-written is none."""
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
    """Add lines to the file's end, which is made if need be. Raises OSError, and then the file is as before."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        size = os.fstat(descriptor).st_size
        if size and os.pread(descriptor, 1, size - 1) != b"\n":
            lines = b"\n" + lines  # a power cut left half a line
        written = 0
        try:
            while written < len(lines):
                written += os.write(descriptor, lines[written:])
        except OSError:
            os.ftruncate(descriptor, size)
            raise
    finally:
        os.close(descriptor)
