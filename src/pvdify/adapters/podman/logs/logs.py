"""Reading of instances' logs: conmon's ``k8s-file`` logs, merged by time."""

import asyncio
import heapq
import os
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from io import BufferedReader
from itertools import islice
from pathlib import Path

from pvdify.adapters.podman.instances.instance_dir import OUTPUT
from pvdify.adapters.podman.logs import log_history
from pvdify.adapters.podman.logs.records import LineAssembler, when
from pvdify.model.instance import LogLine
from pvdify.ports.clock import Clock
from pvdify.ports.instance_logs import BATCH, PATIENCE

CHUNK = 256 * 1024  # bytes
LOOK_EVERY_SECONDS = 0.1  # between two reads of a followed log
MOST_FILES_OF_AN_APP = 200


class LogFiles:
    """The log files ``<directory>/<app>/<instance>.log``; conmon replaces a file that grew too large.

    The output of hooks and one-off commands is in their own directories under ``instances`` instead, on tmpfs, because
    shells write secrets to it. Only the redacted deploy log is stored on disk.
    """

    def __init__(self, directory: Path, clock: Clock, *, instances: Path) -> None:
        self._directory = directory
        self._instances = instances
        self._clock = clock

    def make_room(self, app: str, instance: str) -> Path:
        """Return the instance's log file, after deleting the app's oldest logs beyond MOST_FILES_OF_AN_APP.

        Raises OSError.
        """
        directory = self._directory / app
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        files = sorted(directory.glob("*.log"), key=_modified)
        for old in files[: max(0, len(files) - MOST_FILES_OF_AN_APP)]:
            old.unlink(missing_ok=True)
        return directory / f"{instance}.log"

    def remove(self, app: str) -> None:
        """Delete the app's logs, and their folder if nothing else is in it. Never raises."""
        for file in (self._directory / app).glob("*.log"):
            try:
                file.unlink()
            except OSError:
                continue
        with suppress(OSError):
            (self._directory / app).rmdir()

    def writers(self, app: str) -> tuple[str, ...]:
        """Return the app's instances that have a log file."""
        return tuple(file.stem for file in (self._directory / app).glob("*.log"))

    async def tail(self, names: Sequence[str], lines: int, since: datetime | None) -> tuple[LogLine, ...]:
        """Return the last lines of these instances together, oldest first."""
        return await asyncio.to_thread(self._tail, tuple(names), lines, since)

    async def read(
        self, names: Sequence[str], lines: int, since: datetime | None
    ) -> AsyncGenerator[tuple[LogLine, ...], None]:
        """Yield the lines of ``tail`` in batches, with only a few of them in memory."""
        files = await asyncio.to_thread(lambda: [(name, self._find(name)) for name in names])
        there = [(name, path) for name, path in files if path is not None]
        history = log_history.last_lines(there, lines, since)
        try:
            while batch := await asyncio.to_thread(lambda: tuple(islice(history, BATCH))):
                yield batch
        finally:
            history.close()

    async def follow(self, names: Sequence[str], since: datetime) -> AsyncIterator[LogLine]:
        """Yield lines written after ``since`` as they are written, without end."""
        readers = [LogReader(instance=name) for name in names]
        quiet_since: dict[str, float] = {}
        began = self._clock.now()
        try:
            while True:
                for reader in readers:
                    reader.path = reader.path or self._find(reader.instance)
                fresh = await asyncio.to_thread(lambda: [list(reader.read()) for reader in readers])
                late = self._late(readers, fresh, quiet_since, began)
                for line in heapq.merge(*fresh, late, key=when):
                    if line.at > since:
                        yield line
                if not any(fresh):
                    await self._clock.sleep(LOOK_EVERY_SECONDS)
        finally:
            for reader in readers:
                reader.close()

    def _late(
        self,
        readers: Sequence["LogReader"],
        fresh: Sequence[Sequence[LogLine]],
        quiet_since: dict[str, float],
        began: datetime,
    ) -> list[LogLine]:
        """Return incomplete lines that got no output for PATIENCE seconds.

        At first also the one that is there already: ``tail`` has returned it until here.
        """
        late: list[LogLine] = []
        now = self._clock.monotonic()
        for reader, lines in zip(readers, fresh, strict=True):
            if not reader.is_at_end:
                continue
            is_first, reader.was_at_end = not reader.was_at_end, True
            if (lines and not is_first) or not reader.is_holding:
                quiet_since.pop(reader.instance, None)
            since = float("-inf") if is_first else now
            if reader.is_holding and now - quiet_since.setdefault(reader.instance, since) >= PATIENCE:
                late += reader.rest(began)
                del quiet_since[reader.instance]
        return sorted(late, key=when)

    def _tail(self, names: tuple[str, ...], count: int, since: datetime | None) -> tuple[LogLine, ...]:
        if count <= 0:
            return ()
        found = ((name, self._find(name)) for name in names)
        files = [_last_lines(path, name, count, since) for name, path in found if path is not None]
        return tuple(heapq.merge(*files, key=when))[-count:]

    def _find(self, instance: str) -> Path | None:
        output = self._instances / instance / OUTPUT
        return output if output.exists() else next(iter(self._directory.glob(f"*/{instance}.log")), None)


@dataclass(kw_only=True)
class LogReader:
    """A reader of one instance's log that continues after truncation and replacement of the file."""

    instance: str
    path: Path | None = None
    was_at_end: bool = False
    _file: BufferedReader | None = None
    _unfinished: bytes = b""
    _assembler: LineAssembler = field(init=False)

    def __post_init__(self) -> None:
        self._assembler = LineAssembler(self.instance)

    @property
    def is_holding(self) -> bool:
        """Whether there is an incomplete line."""
        return self._assembler.is_holding

    @property
    def is_at_end(self) -> bool:
        """Whether everything that the open file has now was read."""
        return self._file is not None and self._file.tell() >= os.fstat(self._file.fileno()).st_size

    def read(self) -> Iterator[LogLine]:
        """Yield the lines written since the last call, at most one chunk of each file."""
        return filter(None, map(self._assembler.add, self.records()))

    def rest(self, began: datetime) -> list[LogLine]:
        """Return the incomplete lines, and drop them. ``began``: see ``decode_pieces``."""
        return self._assembler.rest(began)

    def records(self) -> Iterator[bytes]:
        """Yield the raw records written since the last call, at most one chunk of each file."""
        yield from self._read_on()
        if self.path is not None and self._is_replaced(self.path):
            yield from self._read_on()

    def _read_on(self) -> list[bytes]:
        if self._file is None:
            return []
        if os.fstat(self._file.fileno()).st_size < self._file.tell():
            self._file.seek(0)  # truncated
            self._unfinished = b""
        *whole, self._unfinished = (self._unfinished + (self._file.read(CHUNK) or b"")).split(b"\n")
        return whole

    def _is_replaced(self, path: Path) -> bool:
        """If ``path`` is a new file and the old one is read to its end, open the new one; return whether it did."""
        try:
            there = path.stat()
        except FileNotFoundError:
            return False
        if self._file is not None:
            here = os.fstat(self._file.fileno())
            if (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino) or self._file.tell() < here.st_size:
                return False
            self._file.close()
        try:
            self._file, self._unfinished = path.open("rb"), b""
        except FileNotFoundError:
            self._file = None
        return self._file is not None

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()


def _last_lines(path: Path, instance: str, count: int, since: datetime | None) -> list[LogLine]:
    try:
        with path.open("rb") as file:
            lines = _read_backwards(file, instance, count, since)
    except FileNotFoundError:
        return []
    return [line for line in lines if since is None or line.at > since]


def _read_backwards(file: BufferedReader, instance: str, count: int, since: datetime | None) -> list[LogLine]:
    """Read growing parts from the end until there are ``count`` whole lines, or lines from before ``since``."""
    end = file.seek(0, os.SEEK_END)
    size = CHUNK
    while True:
        start = max(0, end - size)
        file.seek(start)
        raw = file.read(end - start).split(b"\n")
        assembler = LineAssembler(instance)
        # unless the part begins at the file's start, its first record may be cut
        lines = [line for line in map(assembler.add, raw if start == 0 else raw[1:]) if line is not None]
        lines += assembler.rest()
        reaches_back = since is not None and bool(lines) and lines[0].at <= since
        if len(lines) > count or reaches_back or start == 0:
            return lines[-count:]
        size *= 4


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0
