"""The reconciler: compares the desired state with the observed state, and repairs the difference.

It is level-triggered: a pass checks everything, at start-up, at once when an instance exits or another program makes or
removes a container, every few seconds while something is not in order, and else every few minutes. It skips everything
an unfinished operation is working on. Each repair is decided under the app's lock, by the records as they are then,
because reading all containers can take seconds.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

import structlog

from pvdify.engine.running.instances import InstanceRepair
from pvdify.engine.running.leftovers import Leftovers
from pvdify.engine.running.quiet import Quiet
from pvdify.engine.running.routes import RouteRepair
from pvdify.engine.running.snapshot import is_settled, logged, take_snapshot
from pvdify.engine.running.statuses import StatusKeeper
from pvdify.engine.running.watches import PAUSE as WATCH_PAUSE
from pvdify.engine.running.watches import Watches
from pvdify.engine.world.concurrency import Locks
from pvdify.engine.world.runtime_queries import RuntimeQueries
from pvdify.errors import PvdifyError
from pvdify.model.instance import InstanceState
from pvdify.model.observed_instances import ObservedInstances
from pvdify.model.operation import Operation, OperationKind
from pvdify.model.slot import Slot
from pvdify.ports.clock import Clock
from pvdify.ports.container_changes import ContainerChanges
from pvdify.ports.instances import Instances
from pvdify.ports.networks import Networks
from pvdify.ports.router import Router
from pvdify.ports.store import Store
from pvdify.timing import first_of

log = structlog.get_logger()
PAUSE = 5.0  # seconds between two passes while something is not in order, and after a written record
LEAST_PAUSE = 0.5  # seconds to wait before a restart of a router that crashed right after its start


class Reconciler:
    """Repairs drift until it is canceled.

    Args:
        wake_worker: makes the worker run an operation that is in the journal.
        wake: set to start a pass soon.
    """

    def __init__(  # noqa: PLR0913 - one for each port and part
        self, *, clock: Clock, instances: Instances, locks: Locks, networks: Networks, router: Router,
        runtime_queries: RuntimeQueries, observed: ObservedInstances, store: Store, routes: RouteRepair,
        watches: Watches, repair: InstanceRepair, leftovers: Leftovers, statuses: StatusKeeper,
        wake_worker: Callable[[Operation], None], wake: asyncio.Event, changes: ContainerChanges | None, quiet: Quiet,
    ) -> None:  # fmt: skip
        self._clock, self._instances, self._locks, self._router = clock, instances, locks, router
        self._networks = networks
        self._runtime_queries, self._observed, self._store, self._routes = runtime_queries, observed, store, routes
        self._watches, self._repair, self._leftovers, self._statuses = watches, repair, leftovers, statuses
        self._wake_worker = wake_worker
        self._wake = wake
        self._due = asyncio.Event()
        self._changes, self._quiet = changes, quiet
        self._seen_writes = -1

    async def run(self) -> None:
        """Make passes forever. A repair that fails is retried in the next pass."""
        watching = [asyncio.create_task(self._keep_watching()), asyncio.create_task(self._follow_changes())]
        try:
            while True:
                self._due.clear()
                await self._make_pass()
                await self._pause()
        finally:
            for task in watching:
                task.cancel()
            self.close()

    def close(self) -> None:
        """Cancel all watches."""
        self._watches.close()

    async def watch_anew(self, names: Iterable[str]) -> None:
        """Restart the watches of these instances with their new records, after a renaming. Raises StoreUnavailable."""
        for name in names:
            self._watches.forget(name)
        await self._watches.watch_all()

    async def keep_router(self) -> None:
        """Restart the router as soon as it dies, forever.

        Run this beside ``run``, so that a slow pass does not delay the restart.
        """
        while True:
            begun = self._clock.monotonic()
            await self.ensure_router()
            await self._router.wait_died()
            # Avoid a busy loop when the router keeps crashing. The first restart has no delay.
            if self._clock.monotonic() - begun < LEAST_PAUSE:
                await self._clock.sleep(LEAST_PAUSE)

    async def ensure_router(self) -> None:
        """Start the router with its last routes. Never raises: errors are logged, and shown in the status of apps."""
        try:
            await self._router.ensure_running()
            self._observed.router_down_since = None
        except PvdifyError as error:
            observed = self._observed
            observed.router_down_since = observed.router_down_since or self._clock.now()
            log.error("router.unavailable", what=error.what, why=error.why, next=error.next)

    async def put_routes(self, app: str | None = None) -> None:
        """Start the router if it does not run, and put the route of each app, or of one app.

        Raises RouterUnavailable, StoreUnavailable.
        """
        await self._routes.put_routes(app)
        self._observed.router_down_since = None  # it may have answered too late when it was started again

    async def reconcile(self) -> None:
        """Make one pass over everything. Never raises: errors are logged, and the next pass retries."""
        self._quiet.want_listing()
        await self._make_pass()

    async def _make_pass(self) -> None:
        """Make one pass over everything, but list the containers only if that is due."""
        self._seen_writes = self._store.writes
        self._quiet.begin_pass()
        for repair in (
            self.put_routes,
            self._unfinished,
            self._slots,
            self._leftovers.finish_phases,
            self._containers,
            self._repair.note_restarts,
            self._statuses.note,
            self._leftovers.remove_networks,
        ):
            if not await self._has_done(repair):
                self._quiet.failed()

    async def _has_done(self, repair: Callable[[], Awaitable[None]]) -> bool:
        """Make one repair; return False if it failed, which is logged."""
        try:
            await repair()
        except PvdifyError as error:
            log.warning("reconcile.failed", code=error.code, what=error.what, why=error.why, repair=_name(repair))
        except Exception:
            log.exception("reconcile.crashed", repair=_name(repair))
        else:
            return True
        return False

    async def _unfinished(self) -> None:
        """Wake the worker for each unfinished operation."""
        unsettled = await self._store.unsettled_operations()
        self._quiet.note_operations(unsettled)
        for operation in unsettled:
            self._wake_worker(operation)

    async def _containers(self) -> None:
        """Read all containers once: start instances that should run, isolate their networks, and remove orphans."""
        await self._watches.watch_all()
        if not self._quiet.is_listing_due(self._repair.seconds_to_next()):
            return
        self._quiet.begin_listing()
        await self._networks.keep_apart()
        containers = await self._instances.find()
        self._runtime_queries.note(containers, self._clock.now())
        await self._repair.keep_running(containers)
        running = {it.name for it in containers if it.state is InstanceState.RUNNING}
        self._quiet.note_listed(self._repair.kept, running)
        await self._leftovers.remove_orphans(containers)

    async def _slots(self) -> None:
        """Enqueue a retirement for every slot that drains or stands by without one."""
        found = await take_snapshot(self._store)
        for slot in found.slots:
            if slot.state.has_served and not found.is_retiring(slot.app, slot.number) and not found.is_busy(slot.app):
                await self._retire(slot)

    async def _retire(self, slot: Slot) -> None:
        locks, store = self._locks, self._store
        async with locks.slots(slot.app), locks.instances(slot.app):
            found = await take_snapshot(self._store)
            current = await store.slot(slot.app, slot.number)
            is_known = current is None or not current.state.has_served or found.is_retiring(slot.app, slot.number)
            if is_known or not await is_settled(self._store, slot.app):
                return
            retirement = Operation(
                id=f"{slot.app}-v{slot.number}-retired-{self._clock.now():%Y%m%dT%H%M%S}",
                kind=OperationKind.RETIRE,
                app=slot.app,
                slot=slot.number,
                created_at=self._clock.now(),
                created_by="pvdify",
            )
            await store.save(retirement)
        self._wake_worker(retirement)

    async def _keep_watching(self) -> None:
        """Watch newly started instances, also during a slow pass, and request the next pass when ``wake`` is set.

        An instance starts only together with a written record, so nothing is read while none is written.
        """
        while True:
            seen = self._store.writes
            with logged(repair="watch_all"):
                await self._watches.watch_all()
            if not await self._is_woken(self._wake, WATCH_PAUSE):
                await first_of(self._wake.wait(), self._store.next_write(seen))
            if self._wake.is_set():
                self._wake.clear()
                self._request_pass()

    async def _follow_changes(self) -> None:
        """Request a pass whenever another program has made or removed containers, at most one in ``PAUSE`` seconds."""
        while self._changes is not None:
            try:
                await self._changes.wait()
            except Exception:
                log.exception("changes.crashed")
            self._request_pass()
            await self._clock.sleep(PAUSE)

    def _request_pass(self) -> None:
        self._quiet.want_listing()
        self._due.set()

    async def _pause(self) -> None:
        """Wait until the next pass is due: after ``PAUSE``, at the end of a back-off, or when an instance exits.

        If everything is in order, only a change or ``FULL_PAUSE`` ends the pause.
        """
        back_off = self._repair.seconds_to_next()
        pause = PAUSE if back_off is None else max(0.05, min(PAUSE, back_off))
        if await self._is_woken(self._due, pause) or self._statuses.is_waiting or not self._quiet.is_calm(back_off):
            return
        news = first_of(self._due.wait(), self._store.next_write(self._seen_writes))
        await first_of(news, self._clock.sleep(self._quiet.seconds_to_listing))

    async def _is_woken(self, event: asyncio.Event, seconds: float) -> bool:
        """Wait for the event, at most this many seconds; return whether it is set."""
        await first_of(self._clock.sleep(seconds), event.wait())
        return event.is_set()


def _name(repair: Callable[[], Awaitable[None]]) -> str:
    return str(getattr(repair, "__name__", repair))
