"""Output of instances: select the instances, read their last lines, and follow new lines."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass
from datetime import datetime

from pvdify.engine.reading.feeds import Feeds
from pvdify.engine.world.not_found import no_app, no_process, no_release
from pvdify.model.instance import LogLine
from pvdify.model.names import place_of_instance
from pvdify.model.observed_instances import ObservedInstances
from pvdify.model.release import Release
from pvdify.ports.clock import Clock
from pvdify.ports.instance_logs import BATCH, InstanceLogs
from pvdify.ports.store import Store

LOOK_SECONDS = 0.5  # seconds between two queries for new instances
OURS = "pvdify"  # the stream of lines that pvdify adds
MOST_WAITING = 1000  # buffered lines; a slow client slows the reading down and does not fill the memory
RECENT = 10  # releases in which a follower's process may be
LOOKS_UNTIL_ALL = 10  # every 10th query also finds instances that are no longer placed, which is slower


@dataclass(frozen=True, kw_only=True)
class Writer:
    """The instance that wrote a line. ``release``: the release that started the instance."""

    process: str
    number: int
    release: int


@dataclass(kw_only=True)
class _Copying:
    """A task that copies the lines of one release's instances. ``is_over``: the release has no instance any more."""

    release: int
    task: asyncio.Task[None]
    is_over: bool = False

    def raise_failure(self) -> None:
        """Raise the error of the task, if it failed, so that the client reconnects and misses no lines."""
        if self.task.done():
            self.task.result()


class RuntimeLogs:
    """Reads and follows the output of instances, including instances that were removed."""

    def __init__(self, *, clock: Clock, instance_logs: InstanceLogs, observed: ObservedInstances, store: Store) -> None:
        self._clock, self._instance_logs, self._observed, self._store = clock, instance_logs, observed, store
        self._feeds = Feeds(instance_logs, MOST_WAITING // 2)

    async def writers(self, app: str, process: str | None, release: int | None) -> dict[str, Writer]:
        """Return the instances of a release by container name, by default of the live release, else of the newest.

        ``process``: None for all process types. Raises AppNotFound, ReleaseNotFound and StoreUnavailable.
        """
        number = await self._slot_of(app, release)
        if number is None:
            return {}
        everyone = await self._everyone(app, number)
        return {
            name: writer
            for name, writer in everyone.items()
            if writer.release == number and process in (None, writer.process)
        }

    async def check_process(self, app: str, process: str, release: int | None, *, is_following: bool) -> None:
        """Raise UnknownProcess if the release neither has this process nor has a line of it.

        A follower also gets the lines of later releases, so for it any release may have the process, such as one that
        is being deployed. Raises AppNotFound, ReleaseNotFound and StoreUnavailable, too.
        """
        chosen = await self._chosen(app, release)
        if chosen is None:
            return
        candidates = (chosen, *await self._store.releases(app, RECENT)) if is_following else (chosen,)
        processes = {name for it in candidates for name in it.manifest.processes}
        slots = {it.slot for it in candidates}
        if process in processes:
            return
        everyone = await self._everyone(app, chosen.slot) if chosen.slot is not None else {}
        processes |= {writer.process for writer in everyone.values() if is_following or writer.release in slots}
        if process not in processes:
            raise no_process(app, process, chosen.version, processes)

    async def _everyone(self, app: str, number: int) -> dict[str, Writer]:
        """Return every instance of the app that has lines, and those placed in this slot."""
        named = [(name, place_of_instance(name)) for name in await self._instance_logs.writers(app)]
        gone = {name: Writer(process=it[0], release=it[1], number=it[2]) for name, it in named if it is not None}
        return gone | await self._placed(app, number)

    async def tail(self, names: Mapping[str, object], lines: int, since: datetime | None = None) -> tuple[LogLine, ...]:
        """Return the last lines of these instances together, oldest first; only lines after ``since``, if given.

        If an instance cannot be started, a line with the reason is added.
        """
        found = await self._instance_logs.tail(list(names), lines, since=since)
        problems = [line for line in self._problems(names) if since is None or line.at > since]
        if not problems or lines <= 0:
            return found
        return tuple(sorted((*found, *problems), key=lambda line: line.at)[-lines:])

    async def read(
        self, names: Mapping[str, object], lines: int, since: datetime | None = None
    ) -> AsyncGenerator[tuple[LogLine, ...], None]:
        """Yield the lines that ``tail`` returns in batches, so that only a few lines are in memory at a time."""
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
        """Yield lines after ``since`` as they are written. After a deploy, lines of the new instances follow, too.

        Lines of the old instances are yielded until these are gone. Lines of one instance are in order; lines of two
        instances may be slightly out of order.
        """
        known: dict[str, Writer] = {}
        lines: asyncio.Queue[LogLine] = asyncio.Queue(MOST_WAITING // 2)
        copying: list[_Copying] = []
        reported: list[LogLine] = []
        looks = 0
        try:
            while True:
                wanted = await self._wanted(app, process, release, is_whole=looks % LOOKS_UNTIL_ALL == 0)
                fresh = {name: writer for name, writer in wanted.items() if name not in known}
                known |= fresh
                for number in {writer.release for writer in fresh.values()}:
                    names = [name for name, writer in fresh.items() if writer.release == number]
                    task = asyncio.create_task(self._copy(names, since, lines))
                    copying.append(_Copying(release=number, task=task))
                async for line in _for_a_while(lines, LOOK_SECONDS):
                    yield line, known[line.instance]
                for line in [line for line in self._problems(known) if line.at > since and line not in reported]:
                    reported.append(line)
                    yield line, known[line.instance]
                looks += 1
                for each in copying:
                    each.raise_failure()
                copying = await self._without_ended(app, copying) if looks % LOOKS_UNTIL_ALL == 0 else copying
        finally:
            for each in copying:
                each.task.cancel()

    def _problems(self, names: Iterable[str]) -> list[LogLine]:
        found = self._observed.of(names, self._clock.now())
        return [
            LogLine(at=it.problem_at, instance=name, stream=OURS, text=f"pvdify: {it.problem}")
            for name, it in found.items()
            if it.problem and it.problem_at is not None
        ]

    async def _wanted(self, app: str, process: str | None, release: int | None, *, is_whole: bool) -> dict[str, Writer]:
        if is_whole:
            return await self.writers(app, process, release)
        number = await self._slot_of(app, release)
        placed = await self._placed(app, number) if number is not None else {}
        return {name: writer for name, writer in placed.items() if process in (None, writer.process)}

    async def _slot_of(self, app: str, release: int | None) -> int | None:
        """Return the slot of the release, or None if the release never ran. Raises AppNotFound, ReleaseNotFound."""
        chosen = await self._chosen(app, release)
        return chosen.slot if chosen is not None else None

    async def _chosen(self, app: str, release: int | None) -> Release | None:
        """Return this release, by default the live one, else the newest. Raises AppNotFound, ReleaseNotFound."""
        store = self._store
        if await store.app(app) is None:
            raise no_app(app)
        if release is None:
            return await store.active_release(app) or next(iter(await store.releases(app, 1)), None)
        chosen = await store.release(app, release)
        if chosen is None:
            raise no_release(app, release)
        return chosen

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
        """Return the copying tasks that can still have lines.

        A release without instances is copied until the next check, so that its last lines are not lost.
        """
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
    """Yield the lines that arrive within this many seconds."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    with suppress(TimeoutError):
        while (left := deadline - loop.time()) > 0:
            yield await asyncio.wait_for(lines.get(), left)
