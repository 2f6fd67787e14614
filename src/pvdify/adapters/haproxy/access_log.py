"""The ``access_log`` port on the file that the router writes, with one JSON object per line, and on rotated files."""

import asyncio
import os
import shutil
from collections import deque
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from pathlib import Path

import structlog

from pvdify.adapters.haproxy import disk
from pvdify.model.foreign_json import parse_json
from pvdify.model.visit import CutVisits, Visit, count_cut
from pvdify.ports.clock import Clock

log = structlog.get_logger()
KEPT = 3  # rotated files
_CHUNK = 256 * 1024  # bytes per read
_PAUSE = 0.3  # seconds between two reads while no line comes
_PARSE_EVERY = 100  # lines; ``cut`` parses one of so many normal lines for its time, and skips the others
USUAL_END = b'"ended":"----"'  # in lines of requests that ended normally


class AccessLogFile:
    """Implements ``ports.access_log.AccessLog``."""

    def __init__(self, directory: Path, *, clock: Clock, largest: int) -> None:
        self._file = directory / disk.ACCESS_LOG
        self._clock = clock
        self._largest = largest

    async def tail(self, lines: int, *, app: str | None = None) -> tuple[Visit, ...]:
        return await asyncio.to_thread(self._tail, lines, app)

    async def follow(self, *, app: str | None = None) -> AsyncIterator[Visit | None]:
        position, rest = await asyncio.to_thread(self._size), b""
        while True:
            content, position = await asyncio.to_thread(self._read_from, position)
            *whole, rest = (rest + content).split(b"\n")
            for line in whole:
                visit = parse(line)
                if visit is not None and app in (None, visit.app):
                    yield visit
            if not content:
                yield None
                await self._clock.sleep(_PAUSE)

    async def cut(self, app: str, since: datetime, slot: int) -> CutVisits:
        return await asyncio.to_thread(lambda: count_cut(self._unusual(since), app, slot))

    async def rotate(self) -> None:
        """Copy the file and empty it if it is above the size limit. Never raises; an OSError is logged.

        The file is not renamed, because the router keeps it open. On a full disk only the oldest file is lost: it is
        deleted to make room for the copy.
        """
        try:
            await asyncio.to_thread(self._rotate)
        except OSError as error:
            log.warning("access_log.not_rotated", why=str(error))

    def _rotate(self) -> None:
        if self._size() <= self._largest:
            return
        self._older(KEPT).unlink(missing_ok=True)
        copy = self._file.with_name(f"{self._file.name}.new")
        try:
            copy.unlink(missing_ok=True)
            copy.touch(mode=0o600)
            shutil.copyfile(self._file, copy)
        except OSError:
            copy.unlink(missing_ok=True)
            raise
        for number in range(KEPT, 1, -1):
            if self._older(number - 1).exists():
                self._older(number - 1).replace(self._older(number))
        copy.replace(self._older(1))
        os.truncate(self._file, 0)

    def _tail(self, lines: int, app: str | None) -> tuple[Visit, ...]:
        newest: deque[Visit] = deque()
        for line in self._lines():
            if len(newest) >= lines:
                return tuple(newest)
            visit = parse(line)
            if visit is not None and app in (None, visit.app):
                newest.appendleft(visit)
        return tuple(newest)

    def _unusual(self, since: datetime) -> Iterator[Visit]:
        """Yield the visits since then, newest first; without most of those that ended normally."""
        for number, line in enumerate(self._lines()):
            # Parsing every line would be slow; a few are parsed for their time, to stop at ``since``.
            if USUAL_END in line and number % _PARSE_EVERY:
                continue
            visit = parse(line)
            if visit is not None and visit.at < since:
                break
            if visit is not None:
                yield visit

    def _lines(self) -> Iterator[bytes]:
        for file in (self._file, *(self._older(number) for number in range(1, KEPT + 1))):
            yield from _backwards(file)

    def _read_from(self, position: int) -> tuple[bytes, int]:
        """Return what follows ``position``, and the next position. If the file was emptied, read from its start."""
        try:
            with self._file.open("rb") as stream:
                stream.seek(position if position <= self._size() else 0)
                content = stream.read(_CHUNK)
                return content, stream.tell()
        except OSError:
            return b"", 0

    def _size(self) -> int:
        try:
            return self._file.stat().st_size
        except OSError:
            return 0

    def _older(self, number: int) -> Path:
        return self._file.with_name(f"{self._file.name}.{number}")


def parse(line: bytes) -> Visit | None:
    """Parse a line; return None if it is not about a request, or is incomplete after a power failure."""
    try:
        found = parse_json(line)
        return Visit(
            at=datetime.fromisoformat(found["time"]),
            request_id=_text(found["request_id"]),
            client=_text(found["client"]),
            protocol=_text(found["protocol"]),
            method=found["method"],
            host=_text(found["host"]),
            path=_text(found["path"]),
            status=found["status"],
            seconds=max(0, found["ms"]) / 1000,
            wait=max(0, found["wait_ms"]) / 1000,
            bytes_in=found["bytes_in"],
            bytes_out=found["bytes_out"],
            routed_to=_text(found.get("app", "-")),  # lines of older versions have none
            target=_text(found["target"]),
            retries=int(found["retries"].lstrip("+")),
            ended=found["ended"],
            agent=_text(found["agent"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _text(value: str) -> str:
    """Return the value; "" for the dash that HAProxy writes for an unknown value."""
    return "" if value == "-" else value


def _backwards(file: Path) -> Iterator[bytes]:
    """Yield a file's lines, the last first. Text after the last line end is skipped, since it is incomplete."""
    try:
        with file.open("rb") as stream:
            position = stream.seek(0, os.SEEK_END)
            rest = b""
            is_last = True
            while position > 0:
                size = min(_CHUNK, position)
                position -= size
                stream.seek(position)
                first, *lines = (stream.read(size) + rest).split(b"\n")
                if is_last and lines:
                    lines.pop()
                    is_last = False
                yield from reversed(lines)
                rest = first
            if not is_last:
                yield rest
    except OSError:
        return
