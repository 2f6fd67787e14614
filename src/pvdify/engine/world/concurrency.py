"""Helpers for concurrent tasks: waiting for all, time limits, shared work, locks, and notices of changed records."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Hashable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Generic, TypeVar

from pvdify.ports.clock import Clock

ResultT = TypeVar("ResultT")


async def settle(*work: Awaitable[ResultT]) -> list[ResultT]:
    """Run the awaitables concurrently, wait until all have ended, and return their results.

    Then raise the first error, if any. So no work is still under way when the caller starts to undo.
    """
    results = await asyncio.gather(*work, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return [result for result in results if not isinstance(result, BaseException)]


async def within(clock: Clock, seconds: float, work: Awaitable[ResultT]) -> ResultT:
    """Return the result of the work. Raises its errors; after ``seconds``, cancels the work and raises TimeoutError."""
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


class SingleFlight(Generic[ResultT]):
    """Does work once for all callers that ask for the same at the same time."""

    def __init__(self) -> None:
        self._running: dict[Hashable, asyncio.Task[ResultT]] = {}

    async def share(self, key: Hashable, work: Callable[[], Coroutine[Any, Any, ResultT]]) -> ResultT:
        """Return the result of the work that runs for this key, or begin it. Raises its errors.

        A caller gets work that began before it asked. So a key has to differ whenever that would be out of date. The
        work goes on if a caller is canceled.
        """
        task = self._running.get(key)
        if task is None or task.done():
            task = self._running[key] = asyncio.create_task(work())
            task.add_done_callback(lambda ended: self._end(key, ended))
        return await asyncio.shield(task)

    def _end(self, key: Hashable, task: asyncio.Task[ResultT]) -> None:
        if self._running.get(key) is task:
            del self._running[key]
        if not task.cancelled():
            task.exception()  # marks it as seen, also if every caller was canceled


class Locks:
    """In-process locks; these are enough, because only one pvdifyd uses a data directory.

    ``places``: choosing endpoints, until they are stored.
    ``hostnames``: checking that a hostname is free, until the claim is visible to other requests.
    ``previews``: counting an app's previews and changing one of them.
    ``slots(app)``: reading a slot's state and storing the next one; a retirement and a rollback may want the same slot.
    ``instances(app)``: repairing the app's instances; beginning an operation; recording that an instance is to be
    removed.
    ``routes(app)``: repairing the app's route; beginning an operation, and the operation's change of the route.
    ``jobs(app)``: reading and changing the records of the app's jobs and runs.
    ``queue(app)``: numbering, superseding, canceling and beginning the app's queued operations.
    ``services(name)``: reading and changing a service's record.
    ``users``: reading and changing the records of users, whose names and accounts are unique.

    A repair that was decided under its lock is done before an operation begins, and none is decided while an operation
    runs. Order: ``previews``, ``slots``, ``instances``, ``routes``, ``jobs``, ``queue``, ``hostnames``.
    """

    def __init__(self) -> None:
        self.places = asyncio.Lock()
        self.hostnames = asyncio.Lock()
        self.previews = asyncio.Lock()
        self.users = asyncio.Lock()
        self._slots: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._queues: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._instances: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._jobs: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._routes: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._services: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    def queue(self, app: str) -> asyncio.Lock:
        """Return the lock of the app's queued operations."""
        return self._queues[app]

    def slots(self, app: str) -> asyncio.Lock:
        """Return the lock of the app's slots."""
        return self._slots[app]

    def instances(self, app: str) -> asyncio.Lock:
        """Return the lock of the app's instances."""
        return self._instances[app]

    def jobs(self, app: str) -> asyncio.Lock:
        """Return the lock of the app's jobs."""
        return self._jobs[app]

    def services(self, name: str) -> asyncio.Lock:
        """Return the lock of the service's record."""
        return self._services[name]

    def routes(self, app: str) -> asyncio.Lock:
        """Return the lock of the app's route."""
        return self._routes[app]

    @asynccontextmanager
    async def everything(self, apps: Iterable[str]) -> AsyncIterator[None]:
        """Hold every lock of these apps, so that no operation of them begins and no repair of them runs."""
        ordered = sorted(set(apps))
        async with AsyncExitStack() as held:
            for lock_of in (self.slots, self.instances, self.routes, self.jobs, self.queue):
                for app in ordered:
                    await held.enter_async_context(lock_of(app))
            yield


class Changes:
    """Wakes tasks that wait until an operation changes the records of an app; they need not poll the store."""

    def __init__(self) -> None:
        self._next: dict[str, asyncio.Event] = {}

    def next_of(self, app: str) -> asyncio.Event:
        """Return the event that the app's next change sets. Call this before reading, or a change can be missed."""
        return self._next.setdefault(app, asyncio.Event())

    def note(self, app: str) -> None:
        """Wake every task that waits for a change of the app."""
        if event := self._next.pop(app, None):
            event.set()
