"""The ``instance_logs`` port on podman's log files and the journal together."""

import asyncio
import heapq
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from datetime import datetime
from pathlib import Path
from typing import Protocol

from pvdify.adapters.systemd.journal import Journal
from pvdify.model.instance import LogLine
from pvdify.ports.instance_logs import BATCH, InstanceLogs
from pvdify.settings import SYSTEMD_IS_HERE

Batches = AsyncGenerator[tuple[LogLine, ...], None]


class LogsBesidePodman:
    """The logs of detached containers from ``podman``'s files, and of units from the journal.

    An app that moved has lines in both. The journal is read only if this host runs systemd.

    Args:
        podman: reads log files, and the output of containers that run once.
        journal: reads the journal.
        is_in_journal: returns whether an instance writes to the journal; False also if that is unknown, as of a removed
            instance, which is looked for in both.
        root: exists if this host runs systemd.
    """

    def __init__(
        self, *, podman: InstanceLogs, journal: Journal, is_in_journal: Callable[[str], bool],
        root: Path = SYSTEMD_IS_HERE,
    ) -> None:  # fmt: skip
        self._podman, self._journal, self._is_in_journal = podman, journal, is_in_journal
        self._root = root

    async def writers(self, app: str) -> tuple[str, ...]:
        names = await self._podman.writers(app)
        more = await self._journal.writers(app) if self._has_journal else ()
        return tuple(dict.fromkeys((*names, *more)))

    async def tail(self, names: Sequence[str], lines: int, *, since: datetime | None = None) -> tuple[LogLine, ...]:
        if lines <= 0:
            return ()
        unsure = self._perhaps_in_files(names)
        found = await self._podman.tail(unsure, lines, since=since) if unsure else ()
        known = {line.instance for line in found}
        others = [name for name in names if name not in known]
        more = await self._journal.tail(others, lines, since) if others and self._has_journal else ()
        return tuple(heapq.merge(found, more, key=_moment))[-lines:]

    async def history(
        self, names: Sequence[str], lines: int, *, since: datetime | None = None
    ) -> AsyncGenerator[tuple[LogLine, ...], None]:
        """See the port. If both have lines, reads them twice, to keep only a few batches in memory."""
        sources = [source for source in self._sources(names, lines, since) if await _has_lines(source())]
        if not sources:
            return
        if len(sources) == 1:
            merged, too_many = sources[0](), 0
        else:
            total = sum([await _count(source()) for source in sources])
            merged, too_many = _merged([source() for source in sources]), total - lines
        async with aclosing(merged):
            async for batch in merged:
                if kept := batch[max(0, too_many) :]:
                    yield kept
                too_many -= len(batch)

    async def follow(self, names: Sequence[str], *, since: datetime) -> AsyncIterator[LogLine]:
        found: asyncio.Queue[LogLine | BaseException] = asyncio.Queue(maxsize=BATCH)
        # A file is looked for several times a second, so no instance is followed there that writes to the journal.
        unsure = self._perhaps_in_files(names)
        sources = [self._podman.follow(unsure, since=since)] if unsure else []
        sources += [self._journal.follow(names, since)] if self._has_journal else []
        tasks = [asyncio.create_task(_pass_on(source, found)) for source in sources]
        try:
            while True:
                line = await found.get()
                if isinstance(line, BaseException):
                    raise line
                yield line
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def output(self, name: str, ended: asyncio.Event) -> AsyncIterator[tuple[LogLine, ...]]:
        return self._podman.output(name, ended)

    async def forget(self, app: str) -> None:
        """See the port. Lines stay in the journal until its limits are reached, but are no longer returned."""
        await self._podman.forget(app)
        if self._has_journal:
            await self._journal.forget(app)

    @property
    def _has_journal(self) -> bool:
        return self._root.exists()

    def _sources(self, names: Sequence[str], lines: int, since: datetime | None) -> list["_Source"]:
        unsure = self._perhaps_in_files(names)
        return [
            *([lambda: self._podman.history(unsure, lines, since=since)] if unsure else []),
            *([lambda: self._journal.read(names, lines, since)] if self._has_journal else []),
        ]

    def _perhaps_in_files(self, names: Sequence[str]) -> list[str]:
        return [name for name in names if not (self._has_journal and self._is_in_journal(name))]


class _Source(Protocol):
    """Starts to read a history from its beginning."""

    def __call__(self) -> Batches: ...


async def _has_lines(batches: Batches) -> bool:
    async with aclosing(batches):
        async for batch in batches:
            if batch:
                return True
    return False


async def _count(batches: Batches) -> int:
    async with aclosing(batches):
        return sum([len(batch) async for batch in batches])


async def _merged(sources: Sequence[Batches]) -> Batches:
    """Yield the lines of sorted sources in one order, in batches."""
    waiting: list[tuple[LogLine, ...]] = [()] * len(sources)
    open_ones = set(range(len(sources)))
    try:
        while open_ones:
            for number in [it for it in open_ones if not waiting[it]]:
                waiting[number] = await _next_of(sources[number])
                if not waiting[number]:
                    open_ones.discard(number)
            if not open_ones:
                return
            until = min(waiting[it][-1].at for it in open_ones)  # all sources have given every line up to here
            ready = [tuple(line for line in lines if line.at <= until) for lines in waiting]
            waiting = [tuple(line for line in lines if line.at > until) for lines in waiting]
            yield tuple(heapq.merge(*ready, key=_moment))
    finally:
        for source in sources:
            await source.aclose()


async def _next_of(batches: Batches) -> tuple[LogLine, ...]:
    """Return the next batch that has lines; an empty one at the end."""
    async for batch in batches:
        if batch:
            return batch
    return ()


async def _pass_on(lines: AsyncIterator[LogLine], found: "asyncio.Queue[LogLine | BaseException]") -> None:
    """Put lines into the queue without end; an error is the last item."""
    try:
        async for line in lines:
            await found.put(line)
    except Exception as error:
        await found.put(error)


def _moment(line: LogLine) -> datetime:
    return line.at
