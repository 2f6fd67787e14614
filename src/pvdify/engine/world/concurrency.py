"""Doing several things at once without leaving any of them behind."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TypeVar

from pvdify.ports.clock import Clock

ResultT = TypeVar("ResultT")


async def settle(*work: Awaitable[ResultT]) -> list[ResultT]:
    """Wait until all of it has ended, then raise the first error, if any.

    Nothing is still being started while an error is already being undone.
    """
    results = await asyncio.gather(*work, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return [result for result in results if not isinstance(result, BaseException)]


async def within(clock: Clock, seconds: float, work: Awaitable[ResultT]) -> ResultT:
    """Wait for the work, at most this many seconds, then cancel it. Raises TimeoutError, and what the work raises."""
    task, late = asyncio.ensure_future(work), asyncio.create_task(clock.sleep(seconds))
    try:
        await asyncio.wait({task, late}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        raise TimeoutError(f"it did not end within {seconds:g} s")
    finally:
        late.cancel()
        if not task.done():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


class Locks:
    """In-process locks: one pvdifyd owns a data directory, so these are enough.

    ``places`` guards choosing endpoints until they are on disk; ``slots(app)`` guards reading a slot's state and
    writing the next one, where a retirement and a rollback may want the same slot; ``queue(app)`` guards what waits for
    its turn: numbering, superseding and canceling it on one side, beginning it on the other; ``hostnames`` guards
    looking whether a hostname is free until the claim to it can be seen by others (taken after ``queue`` where both
    are); ``previews`` guards counting an app's previews and changing one of them (taken before ``queue``);
    ``instances(app)`` guards repairing what runs of an app on one side; on the other the beginning of an operation, and
    the record that an instance is to go. ``routes(app)`` guards repairing the app's route on one side; on the other the
    beginning of an operation, and its putting of a route. So a repair that was decided under its lock is done before
    any operation begins, and none is decided while one runs. Order: ``slots``, ``instances``, ``routes``,
    ``jobs``, ``queue``. ``everything(apps)`` is all of them.
    """

    def __init__(self) -> None:
        self.places = asyncio.Lock()
        self.hostnames = asyncio.Lock()
        self.previews = asyncio.Lock()
        self._slots: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._queues: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._instances: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._jobs: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._routes: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._services: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    def queue(self, app: str) -> asyncio.Lock:
        """The lock of one app's waiting work."""
        return self._queues[app]

    def slots(self, app: str) -> asyncio.Lock:
        """The lock of one app's slots."""
        return self._slots[app]

    def instances(self, app: str) -> asyncio.Lock:
        """The lock of one app's instances."""
        return self._instances[app]

    def jobs(self, app: str) -> asyncio.Lock:
        """The lock of one app's jobs."""
        return self._jobs[app]

    def services(self, name: str) -> asyncio.Lock:
        """The lock of one service's record: read, decide, write."""
        return self._services[name]

    def routes(self, app: str) -> asyncio.Lock:
        """The lock of one app's route."""
        return self._routes[app]

    @asynccontextmanager
    async def everything(self, apps: Iterable[str]) -> AsyncIterator[None]:
        """Hold every lock of these apps: nothing of them begins, and no repair of them is under way."""
        ordered = sorted(set(apps))
        async with AsyncExitStack() as held:
            for lock_of in (self.slots, self.instances, self.routes, self.jobs, self.queue):
                for app in ordered:
                    await held.enter_async_context(lock_of(app))
            yield


class Changes:
    """Wakes tasks that wait until operations change the records of an app, so that they need not ask the store."""

    def __init__(self) -> None:
        self._next: dict[str, asyncio.Event] = {}

    def next_of(self, app: str) -> asyncio.Event:
        """Return the event that the app's next change sets. Take it before reading, or a change can be missed."""
        return self._next.setdefault(app, asyncio.Event())

    def note(self, app: str) -> None:
        """Wake every task that waits for a change of the app."""
        if event := self._next.pop(app, None):
            event.set()
