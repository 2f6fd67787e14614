"""What instances wrote: whose lines are asked for, the last of them, and those that come."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass
from datetime import datetime

from pvdify.engine.reading.feeds import Feeds
from pvdify.engine.world.not_found import no_app, no_release
from pvdify.model.instance import LogLine
from pvdify.model.names import place_of_instance
from pvdify.model.release import Release
from pvdify.model.standing import Standings
from pvdify.ports.clock import Clock
from pvdify.ports.instance_logs import BATCH, InstanceLogs
from pvdify.ports.store import Store

LOOK_SECONDS = 0.5
OURS = "pvdify"  # the stream of lines that the instance did not write
MOST_WAITING = 1000  # lines; for a reader that is slow, reading goes on as it takes them, and not in our memory
LOOKS_UNTIL_ALL = 10  # so often who is placed is looked up for once that all who ever wrote are


@dataclass(frozen=True, kw_only=True)
class Writer:
    """The instance that wrote a line; ``release``: the one that started it."""

    process: str
    number: int
    release: int


@dataclass(kw_only=True)
class _Copying:
    """The lines of one release's instances on their way; ``is_over`` once that release has no instance left."""

    release: int
    task: asyncio.Task[None]
    is_over: bool = False

    def raise_failure(self) -> None:
        """Raise what it died of: the reader has to come again, rather than miss lines."""
        if self.task.done():
            self.task.result()


class RuntimeLogs:
    """Lines are found by who wrote them, also long after they were scaled away, restarted away, or replaced."""

    def __init__(self, *, clock: Clock, instance_logs: InstanceLogs, standings: Standings, store: Store) -> None:
        self._clock, self._instance_logs, self._standings, self._store = clock, instance_logs, standings, store
        self._feeds = Feeds(instance_logs, MOST_WAITING // 2)

    async def writers(self, app: str, process: str | None, release: int | None) -> dict[str, Writer]:
        """The instances whose lines are asked for, by container name: of one release, or of what is live.

        Where nothing is live yet: of the newest release. Raises AppNotFound, ReleaseNotFound and StoreUnavailable.
        """
        number = await self._slot_of(app, release)
        if number is None:
            return {}
        named = [(name, place_of_instance(name)) for name in await self._instance_logs.writers(app)]
        gone = {name: Writer(process=it[0], release=it[1], number=it[2]) for name, it in named if it is not None}
        everyone = gone | await self._placed(app, number)
        return {
            name: writer
            for name, writer in everyone.items()
            if writer.release == number and process in (None, writer.process)
        }

    async def tail(self, names: Mapping[str, object], lines: int, since: datetime | None = None) -> tuple[LogLine, ...]:
        """The last lines of these instances together, oldest first; only what came after ``since``, if given.

        Why an instance cannot be started is a line, too.
        """
        found = await self._instance_logs.tail(list(names), lines, since=since)
        problems = [line for line in self._problems(names) if since is None or line.at > since]
        if not problems or lines <= 0:
            return found
        return tuple(sorted((*found, *problems), key=lambda line: line.at)[-lines:])

    async def read(
        self, names: Mapping[str, object], lines: int, since: datetime | None = None
    ) -> AsyncGenerator[tuple[LogLine, ...], None]:
        """The same lines in batches: of many lines, only a few are in memory at a time."""
        if lines <= BATCH:
            yield await self.tail(names, lines, since)
            return
        problems = [line for line in self._problems(names) if since is None or line.at > since]
        problems.sort(key=lambda line: line.at)
        async with aclosing(self._instance_logs.history(list(names), lines, since=since)) as batches:
            async for batch in batches:
                older = [line for line in problems if batch and line.at <= batch[-1].at]
                del problems[: len(older)]
                yield tuple(sorted((*batch, *older), key=lambda line: line.at)) if older else batch
        if problems:
            yield tuple(problems)

    async def follow(
        self, app: str, process: str | None, release: int | None, since: datetime
    ) -> AsyncIterator[tuple[LogLine, Writer]]:
        """Lines after this moment as they come; after a deploy the new instances' too, until the old ones are gone.

        Lines of one instance come in order; lines of two instances may be out of order by a moment.
        """
        known: dict[str, Writer] = {}
        lines: asyncio.Queue[LogLine] = asyncio.Queue(MOST_WAITING // 2)
        copying: list[_Copying] = []
        told: list[LogLine] = []
        looks = 0
        try:
            while True:
                wanted = await self._look(app, process, release, is_whole=looks % LOOKS_UNTIL_ALL == 0)
                fresh = {name: writer for name, writer in wanted.items() if name not in known}
                known |= fresh
                for number in {writer.release for writer in fresh.values()}:
                    names = [name for name, writer in fresh.items() if writer.release == number]
                    task = asyncio.create_task(self._copy(names, since, lines))
                    copying.append(_Copying(release=number, task=task))
                async for line in _for_a_while(lines, LOOK_SECONDS):
                    yield line, known[line.instance]
                for line in [line for line in self._problems(known) if line.at > since and line not in told]:
                    told.append(line)
                    yield line, known[line.instance]
                looks += 1
                for each in copying:
                    each.raise_failure()
                copying = await self._without_ended(app, copying) if looks % LOOKS_UNTIL_ALL == 0 else copying
        finally:
            for each in copying:
                each.task.cancel()

    def _problems(self, names: Iterable[str]) -> list[LogLine]:
        found = self._standings.of(names, self._clock.now())
        return [
            LogLine(at=it.problem_at, instance=name, stream=OURS, text=f"pvdify: {it.problem}")
            for name, it in found.items()
            if it.problem and it.problem_at is not None
        ]

    async def _look(self, app: str, process: str | None, release: int | None, *, is_whole: bool) -> dict[str, Writer]:
        if is_whole:
            return await self.writers(app, process, release)
        number = await self._slot_of(app, release)
        placed = await self._placed(app, number) if number is not None else {}
        return {name: writer for name, writer in placed.items() if process in (None, writer.process)}

    async def _slot_of(self, app: str, release: int | None) -> int | None:
        """The slot in which the release ran; None where it never came to that."""
        store = self._store
        if await store.app(app) is None:
            raise no_app(app)
        chosen: Release | None
        if release is not None:
            chosen = await store.release(app, release)
            if chosen is None:
                raise no_release(app, release)
        else:
            chosen = await store.active_release(app) or next(iter(await store.releases(app, 1)), None)
        return chosen.slot if chosen is not None else None

    async def _placed(self, app: str, number: int) -> dict[str, Writer]:
        slot = await self._store.slot(app, number)
        return {
            place.name: Writer(process=place.process, number=place.number, release=number)
            for place in (slot.placements if slot is not None else ())
        }

    async def _copy(self, names: list[str], since: datetime, lines: "asyncio.Queue[LogLine]") -> None:
        async with aclosing(self._feeds.follow(names, since)) as followed:
            async for line in followed:
                await lines.put(line)

    async def _without_ended(self, app: str, copying: list[_Copying]) -> list[_Copying]:
        """Those that still can have lines: a release without instances has told its last by the look after the next."""
        running = {slot.number for slot in await self._store.slots(app)}
        live = await self._slot_of(app, None)
        kept = []
        for each in copying:
            if each.is_over:
                each.task.cancel()
                continue
            each.is_over = each.release not in running and each.release != live
            kept.append(each)
        return kept


async def _for_a_while(lines: "asyncio.Queue[LogLine]", seconds: float) -> AsyncIterator[LogLine]:
    """What comes within so many seconds."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    with suppress(TimeoutError):
        while (left := deadline - loop.time()) > 0:
            yield await asyncio.wait_for(lines.get(), left)
