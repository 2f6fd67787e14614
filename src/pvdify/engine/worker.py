"""The worker: one lane per app, where operations run one after the other; retirements run beside it."""

import asyncio
from contextlib import suppress

import structlog

from pvdify.engine.runner import Runner
from pvdify.engine.world import World
from pvdify.errors import StoreUnavailable
from pvdify.model.operation import Operation, OperationKind, OperationState

log = structlog.get_logger()
STORE_PAUSE = 1.0  # seconds before another try when the journal could not be written


class Worker:
    """Runs what the journal holds. What is to be done is on disk; memory only knows who is at it."""

    def __init__(self, world: World, runner: Runner) -> None:
        self._world = world
        self._runner = runner
        self._lanes: dict[str, asyncio.Task[None]] = {}
        self._retirements: dict[str, asyncio.Task[None]] = {}
        self._settled = asyncio.Condition()

    async def resume(self) -> None:
        """Take up everything that an earlier life of the daemon left unfinished. Raises StoreUnavailable."""
        for operation in await self._world.store.unsettled_operations():
            self.wake(operation)

    def wake(self, operation: Operation) -> None:
        """There is work: this operation is in the journal."""
        if operation.kind is OperationKind.RETIRE:
            if operation.id not in self._retirements:
                self._retirements[operation.id] = asyncio.create_task(self._retire(operation))
        elif operation.app not in self._lanes:
            self._lanes[operation.app] = asyncio.create_task(self._lane(operation.app))

    async def close(self) -> None:
        """Stop where we are; the journal knows how to go on at the next start."""
        tasks = [*self._lanes.values(), *self._retirements.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def wait_settled(self, operation_id: str, seconds: float) -> None:
        """Wait until an operation of this process has settled, but not longer than this."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds), self._settled:
                await self._settled.wait_for(lambda: operation_id not in self._retirements)

    async def _lane(self, app: str) -> None:
        """Run the app's operations, oldest first, until none is left."""
        while operation := await self._next(app):
            await self._guarded(operation)
        # No await since the journal was found empty: whoever adds work now finds no lane and opens a new one.

    async def _next(self, app: str) -> Operation | None:
        waiting = [
            operation
            for operation in await self._world.store.unsettled_operations(app)
            if operation.kind is not OperationKind.RETIRE
        ]
        waiting.sort(key=lambda operation: operation.state is OperationState.QUEUED)
        if not waiting:
            del self._lanes[app]
            return None
        if waiting[0].kind is OperationKind.DESTROY:
            await self._end_retirements(app)
        return waiting[0]

    async def _guarded(self, operation: Operation) -> None:
        """Run it; when the journal itself fails, wait and go on from what it says."""
        try:
            done = await self._runner.run(operation)
        except StoreUnavailable as error:
            log.error("journal.unavailable", app=operation.app, operation=operation.id, why=error.why)
            await self._world.clock.sleep(STORE_PAUSE)
            return
        for retirement in await self._world.store.unsettled_operations(done.app):
            self.wake(retirement) if retirement.kind is OperationKind.RETIRE else None
        async with self._settled:
            self._settled.notify_all()

    async def _retire(self, operation: Operation) -> None:
        try:
            await self._guarded(operation)
        finally:
            del self._retirements[operation.id]
            async with self._settled:
                self._settled.notify_all()

    async def _end_retirements(self, app: str) -> None:
        """A destroyed app leaves nothing that could still write about it."""
        for operation in await self._world.store.unsettled_operations(app):
            if operation.kind is OperationKind.RETIRE:
                await self._runner.request_cancel(operation)
                self.wake(operation)
                await self.wait_settled(operation.id, 60.0)
