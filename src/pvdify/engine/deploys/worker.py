"""The worker: runs the operations of each app one after the other, and retirements in the background."""

import asyncio
from collections.abc import Collection

import structlog

from pvdify.engine.deploys.runner import Runner
from pvdify.engine.deploys.step_run import StepRun
from pvdify.engine.world.concurrency import Locks
from pvdify.errors import StoreUnavailable
from pvdify.model.operation import Operation, OperationKind, OperationState
from pvdify.ports.clock import Clock
from pvdify.ports.store import Store

log = structlog.get_logger()
STORE_PAUSE = 1.0  # seconds before a lane retries when the journal could not be read or written
RETIREMENT_PAUSE = 0.2  # seconds between two checks whether an app's retirements have ended


class Worker:
    """Runs the operations in the journal, in one lane (task) per app.

    The journal alone decides which operations are left to run. Memory only holds the running tasks.
    """

    def __init__(self, *, clock: Clock, locks: Locks, store: Store, runner: Runner) -> None:
        self._clock, self._locks, self._store = clock, locks, store
        self._runner = runner
        self._lanes: dict[str, asyncio.Task[None]] = {}
        self._retirements: dict[tuple[str, str], asyncio.Task[None]] = {}  # by app and operation
        self.settled = asyncio.Event()  # set whenever an operation of a lane has ended

    async def resume(self) -> None:
        """Resume every operation that was unfinished when pvdifyd stopped. Raises StoreUnavailable."""
        for operation in await self._store.unsettled_operations():
            self.wake(operation)

    def wake(self, operation: Operation) -> None:
        """Start a lane or a retirement for an operation that is in the journal, unless its task runs already."""
        if operation.kind is OperationKind.RETIRE:
            if (operation.app, operation.id) not in self._retirements:
                self._retirements[operation.app, operation.id] = asyncio.create_task(self._retire(operation))
        elif operation.app not in self._lanes:
            self._lanes[operation.app] = asyncio.create_task(self._lane(operation.app))

    async def leave(self, apps: Collection[str]) -> None:
        """Cancel the running retirements of these apps, and wait until they have ended; ``wake`` resumes them."""
        leaving = [task for (app, _), task in self._retirements.items() if app in apps]
        for task in leaving:
            task.cancel()
        await asyncio.gather(*leaving, return_exceptions=True)

    async def close(self) -> None:
        """Cancel all tasks and wait until they have ended; ``resume`` continues their operations at the next start."""
        tasks = [*self._lanes.values(), *self._retirements.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _lane(self, app: str) -> None:
        """Run the app's operations, oldest first, until none is left; if the journal is unavailable, wait and retry."""
        while True:
            try:
                locks = self._locks
                # The reconciler repairs under these locks, and skips apps that have an unfinished operation.
                async with locks.instances(app), locks.routes(app), locks.queue(app):
                    run = await self._begin_next(app)
                if run is None:
                    return
                await self._run_operation(run)
            except StoreUnavailable as error:
                log.error("journal.unavailable", app=app, why=error.why)
                await self._clock.sleep(STORE_PAUSE)

    async def _begin_next(self, app: str) -> StepRun | None:
        """Begin the app's next operation: begun ones come first, then the oldest.

        Returns None if there is none, and then has removed the lane; ``wake`` makes a new one.
        """
        unsettled = await self._store.unsettled_operations(app)
        waiting = [operation for operation in unsettled if operation.kind is not OperationKind.RETIRE]
        waiting.sort(key=lambda operation: operation.state is OperationState.QUEUED)
        if not waiting:
            del self._lanes[app]
            return None
        return await self._runner.begin(waiting[0])

    async def _run_operation(self, run: StepRun) -> None:
        if run.operation.kind is OperationKind.DESTROY:
            await self._wait_for_retirements(run.app)
        await self._runner.run(run)
        self.settled.set()
        for operation in await self._store.unsettled_operations(run.app):
            if operation.kind is OperationKind.RETIRE:
                self.wake(operation)

    async def _retire(self, operation: Operation) -> None:
        """Run a retirement. If the store is unavailable, it ends early, and the reconciler wakes it again soon."""
        try:
            await self._runner.run(await self._runner.begin(operation))
        except StoreUnavailable as error:
            log.error("journal.unavailable", app=operation.app, operation=operation.id, why=error.why)
            await self._clock.sleep(STORE_PAUSE)
            self.settled.set()
        finally:
            del self._retirements[operation.app, operation.id]

    async def _wait_for_retirements(self, app: str) -> None:
        """Wait until all retirements of the app have ended, so that none of them writes records of a destroyed app."""
        for operation in await self._store.unsettled_operations(app):
            if operation.kind is OperationKind.RETIRE:
                self.wake(operation)
        while any(owner == app for owner, _ in self._retirements):
            await self._clock.sleep(RETIREMENT_PAUSE)
