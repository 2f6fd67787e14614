"""Reading of the output of a container that runs once, from its file, in batches and with bounded memory."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from pathlib import Path

from pvdify.adapters.podman.logs.logs import LOOK_EVERY_SECONDS, LogReader
from pvdify.adapters.podman.logs.records import LineAssembler
from pvdify.model.instance import LogLine
from pvdify.ports.clock import Clock
from pvdify.ports.instance_logs import PATIENCE
from pvdify.quantities import format_bytes

MOST_FIRST, MOST_LAST = 8 * 1024 * 1024, 1024 * 1024  # bytes of the file that are returned; the middle is left out


async def read(file: Path, instance: str, ended: asyncio.Event, clock: Clock) -> AsyncIterator[tuple[LogLine, ...]]:
    """Yield the lines in batches, as ``InstanceLogs.output``."""
    reader, kept = LogReader(instance=instance, path=file), _Kept(instance)
    quiet_since: float | None = None
    try:
        while True:
            is_over = ended.is_set()
            records = await asyncio.to_thread(lambda: list(reader.records()))
            lines = kept.take(records)
            if records or not kept.is_holding:
                quiet_since = None
            elif quiet_since is None:
                quiet_since = clock.monotonic()
            elif clock.monotonic() - quiet_since >= PATIENCE:
                lines, quiet_since = kept.rest(), None
            if lines:
                yield tuple(lines)
            if is_over and not records:
                break
            if not records:
                await clock.sleep(LOOK_EVERY_SECONDS)
    finally:
        reader.close()
    if last := kept.end():
        yield tuple(last)


class _Kept:
    """A buffer that passes on the first records, keeps the last ones, and counts the bytes of output between them."""

    def __init__(self, instance: str) -> None:
        self._assembler = LineAssembler(instance)
        self._room = MOST_FIRST
        self._last: deque[bytes] = deque()
        self._last_size = self._left_out = 0

    @property
    def is_holding(self) -> bool:
        return self._room > 0 and self._assembler.is_holding

    def take(self, records: list[bytes]) -> list[LogLine]:
        """Add records, and return the lines of those within the first MOST_FIRST bytes."""
        lines = []
        for record in records:
            if self._room > 0:
                self._room -= len(record)
                lines.append(self._assembler.add(record))
            else:
                self._keep(record)
        return [line for line in lines if line is not None]

    def rest(self) -> list[LogLine]:
        """Return the incomplete lines, and drop them."""
        return self._assembler.rest()

    def end(self) -> list[LogLine]:
        """Return the last lines, after a line with the number of bytes left out, if any."""
        lines = [line for line in map(self._assembler.add, self._last) if line is not None] + self._assembler.rest()
        if self._left_out and lines:
            first = lines[0]
            text = f"… {format_bytes(self._left_out)} of output left out"
            lines.insert(0, LogLine(at=first.at, instance=first.instance, stream=first.stream, text=text))
        return lines

    def _keep(self, record: bytes) -> None:
        self._last.append(record)
        self._last_size += len(record)
        while self._last_size > MOST_LAST:
            gone = self._last.popleft()
            self._last_size -= len(gone)
            self._left_out += len(gone.split(b" ", 3)[-1]) + 1
