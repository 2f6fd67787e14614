"""Requests to scale, restart, stop and start the processes of an app."""

import secrets
from collections.abc import Mapping

from pvdify.engine.deploys.instance_limit import check_instances, check_volumes
from pvdify.engine.deploys.worker import Worker
from pvdify.engine.world.concurrency import Locks
from pvdify.engine.world.not_found import no_app, no_operation
from pvdify.errors import AppBusy, InvalidScale, NothingRuns
from pvdify.manifest.definition import Manifest
from pvdify.manifest.names import nearest
from pvdify.model.action import Action
from pvdify.model.event import Event
from pvdify.model.names import parent_of
from pvdify.model.operation import Operation, OperationKind
from pvdify.model.release import Release
from pvdify.model.scale import MOST, ProcessChange, RequestedCount, Scale
from pvdify.model.token import Actor
from pvdify.ports.clock import Clock
from pvdify.ports.store import Store
from pvdify.settings import Settings

MOST_WAITING = 20  # of one app: scale, restart, stop and start; of deploys only the newest waits
_WAITING = frozenset({OperationKind.SCALE, OperationKind.RESTART})


class Processes:
    """Scales, restarts, stops and starts processes.

    Each request becomes an operation in the journal, which runs after the app's earlier operations.
    """

    def __init__(self, *, clock: Clock, locks: Locks, settings: Settings, store: Store, worker: Worker) -> None:
        self._clock, self._locks, self._settings, self._store = clock, locks, settings, store
        self._worker = worker

    async def scale(self, app: str, requested: Mapping[str, RequestedCount], actor: Actor) -> Operation:
        """Enqueue an operation that scales these processes, now and for later deploys.

        Raises AppNotFound, NothingRuns, InvalidScale with every problem, AppBusy, StoreUnavailable.
        """
        async with self._locks.queue(app):
            live = await self._live(app)
            to_come = await self._scale_to_come(app, live.manifest)
            current = {process: to_come.count(process, live.manifest) for process in live.manifest.processes}
            _check(app, requested, current)
            counts = {process: wanted.applied_to(current[process]) for process, wanted in requested.items()}
            _check_preview(app, live.manifest, current | counts)
            check_volumes(app, live, {**current, **counts})
            change = ProcessChange(counts=counts)
            after, most = to_come.after(change, live.manifest), self._settings.max_app_instances
            check_instances(app, live.manifest, after, most, allowed=sum(current.values()))
            return await self._enqueue(app, OperationKind.SCALE, change, actor)

    async def restart(self, app: str, process: str | None, actor: Actor) -> Operation:
        """Enqueue an operation that replaces all instances, or those of one process, with the same release and config.

        Raises AppNotFound, NothingRuns, InvalidScale (no such process), AppBusy, StoreUnavailable.
        """
        async with self._locks.queue(app):
            live = await self._live(app)
            known = live.manifest.processes
            if process is not None and process not in known:
                raise InvalidScale(
                    f"{app} has no process {process}", why=_nearest(process, known), next=f"`pvdify ps {app}`"
                )
            restarts = tuple(known) if process is None else (process,)
            return await self._enqueue(app, OperationKind.RESTART, ProcessChange(restarts=restarts), actor)

    async def set_stopped(self, app: str, actor: Actor, *, is_stopped: bool) -> Operation:
        """Enqueue an operation that stops every instance, or starts them again.

        A stopped app stays stopped across deploys, and its visitors get 503.

        Raises AppNotFound, NothingRuns, AppBusy, StoreUnavailable.
        """
        async with self._locks.queue(app):
            await self._live(app)
            return await self._enqueue(app, OperationKind.SCALE, ProcessChange(is_stopped=is_stopped), actor)

    async def operation(self, app: str, id: str) -> Operation:
        """Return an operation of the app. Raises OperationNotFound, StoreUnavailable."""
        found = await self._store.operation(id)
        if found is None or found.app != app:
            raise no_operation(app, id)
        return found

    async def _live(self, app: str) -> Release:
        live = await self._store.active_release(app)
        if live is not None:
            return live
        if await self._store.app(app) is None:
            raise no_app(app)
        raise NothingRuns(
            f"{app} has no live release, so there is nothing to scale, stop or restart",
            next=f"`pvdify deploy {app} --image REFERENCE`; `count` in the manifest says how many there will be",
        )

    async def _scale_to_come(self, app: str, manifest: Manifest) -> Scale:
        """Return the scale after all waiting scale operations."""
        scale = await self._store.scale(app)
        for operation in await self._store.unsettled_operations(app):
            if operation.kind is OperationKind.SCALE and operation.change is not None:
                scale = scale.after(operation.change, manifest)
        return scale

    async def _enqueue(self, app: str, kind: OperationKind, change: ProcessChange, actor: Actor) -> Operation:
        unsettled = await self._store.unsettled_operations(app)
        if any(operation.kind is OperationKind.DESTROY for operation in unsettled):
            raise AppBusy(f"{app} is being destroyed", next="`pvdify apps` shows when it is gone")
        if sum(operation.kind in _WAITING for operation in unsettled) >= MOST_WAITING:
            raise AppBusy(
                f"{app}: {MOST_WAITING} changes of its processes wait already",
                why="every check of all apps reads the queued changes, so more would slow the server down",
                next=f"`pvdify ps {app}` shows when they are done",
            )
        now = self._clock.now()
        operation = Operation(
            id=f"{app}-{kind.value}-{now:%Y%m%dT%H%M%S}-{secrets.token_hex(3)}", kind=kind, app=app, change=change,
            created_at=now, created_by=actor.name,
        )  # fmt: skip
        event = Event(
            at=now,
            actor=actor.name,
            address=actor.address,
            action=Action(f"{kind.value}.requested"),
            app=app,
            text=str(change),
        )
        await self._store.save(operation, event)
        self._worker.wake(operation)
        return operation


def _check(app: str, requested: Mapping[str, RequestedCount], current: Mapping[str, int]) -> None:
    problems = [f"{name}: {_nearest(name, current)}" for name in requested if name not in current]
    for name, wanted in requested.items():
        count = wanted.applied_to(current.get(name, 0))
        if name in current and not 0 <= count <= MOST:
            problems.append(f"{name}: would be {count} instances; from 0 to {MOST} are possible")
    if not requested:
        problems.append("no process was named")
    if problems:
        raise InvalidScale(
            f"{app} was not scaled", next=f"`pvdify ps {app}` shows its processes", details={"problems": problems}
        )


def _check_preview(app: str, manifest: Manifest, counts: Mapping[str, int]) -> None:
    """Raise InvalidScale if the preview would exceed ``previews.instances``, which its manifest has from its app."""
    wanted, most = sum(counts.values()), manifest.previews.instances
    if parent_of(app) is not None and wanted > most:
        raise InvalidScale(
            f"{app} was not scaled: it would have {wanted} instances",
            why=f"a preview of this app has at most {most} (`previews.instances`)",
            next="choose fewer, or raise `previews.instances` in the manifest of its app",
        )


def _nearest(name: str, known: Mapping[str, object]) -> str:
    near = nearest(name, known)
    return f'did you mean "{near}"?' if near else f"its processes are {', '.join(known) or 'none'}"
