"""The ``access_log`` port on the file that the router writes: one JSON object a line, a few older files beside it."""

import asyncio
import json
import os
import shutil
from collections import deque
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from pathlib import Path

import structlog

from pvdify.adapters.haproxy import disk
from pvdify.model.visit import Visit
from pvdify.ports.clock import Clock

log = structlog.get_logger()
LARGEST = 64 * 1024**2
KEPT = 3  # older files
_CHUNK = 256 * 1024
_PAUSE = 0.3


class AccessLogFile:
    """Implements ``ports.access_log.AccessLog``."""

    def __init__(self, directory: Path, *, clock: Clock, largest: int = LARGEST) -> None:
        self._file = directory / disk.ACCESS_LOG
        self._clock = clock
        self._largest = largest

    async def tail(self, lines: int, *, app: str | None = None) -> tuple[Visit, ...]:
        """See the port."""
        return await asyncio.to_thread(self._tail, lines, app)

    async def follow(self, *, app: str | None = None) -> AsyncIterator[Visit | None]:
        """See the port."""
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

    async def rotate(self) -> None:
        """See the port. The router goes on writing to the same file, so it is copied, then emptied."""
        try:
            await asyncio.to_thread(self._rotate)
        except OSError as error:
            log.warning("access_log.not_rotated", why=str(error))

    def _rotate(self) -> None:
        if self._size() <= self._largest:
            return
        for number in range(KEPT, 1, -1):
            if self._older(number - 1).exists():
                self._older(number - 1).replace(self._older(number))
        shutil.copyfile(self._file, self._older(1))
        self._older(1).chmod(0o600)
        os.truncate(self._file, 0)

    def _tail(self, lines: int, app: str | None) -> tuple[Visit, ...]:
        newest: deque[Visit] = deque()
        for file in (self._file, *(self._older(number) for number in range(1, KEPT + 1))):
            for line in _backwards(file):
                if len(newest) >= lines:
                    return tuple(newest)
                visit = parse(line)
                if visit is not None and app in (None, visit.app):
                    newest.appendleft(visit)
        return tuple(newest)

    def _read_from(self, position: int) -> tuple[bytes, int]:
        """What has come since; from the start again when the file was emptied meanwhile."""
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
    """One line; None for one that is no request, or was cut by a power failure."""
    try:
        found = json.loads(line)
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
            target=_text(found["target"]),
            retries=int(found["retries"].lstrip("+")),
            ended=found["ended"],
            agent=_text(found["agent"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _text(value: str) -> str:
    """HAProxy writes a dash for what it does not know."""
    return "" if value == "-" else value


def _backwards(file: Path) -> Iterator[bytes]:
    """A file's lines, the last first; what follows the last line end is not a line yet."""
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
