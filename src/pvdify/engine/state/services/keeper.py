"""The keeper of services: starts services that should run, checks their health, and carries out pending orders.

The keeper is level-triggered: it acts on the records alone. A daemon that was killed at any point continues from them.
"""

import asyncio
from dataclasses import dataclass, replace

import structlog

from pvdify.engine.state.services.data import ServiceData
from pvdify.engine.state.services.orders import ServiceOrders
from pvdify.engine.state.services.restores import StoredData
from pvdify.engine.state.services.runs import PROVEN_WITHIN, ServiceRuns
from pvdify.engine.world.concurrency import Locks
from pvdify.errors import PvdifyError, ServiceFailed
from pvdify.model.action import Action
from pvdify.model.instance import Role
from pvdify.model.service import (
    FROM_BACKUP,
    Order,
    OrderKind,
    Service,
    ServiceState,
    can_be_dumped,
    container_name,
)
from pvdify.model.token import PVDIFY
from pvdify.model.volume import new_volume
from pvdify.ports.clock import Clock
from pvdify.ports.images import Images
from pvdify.ports.instances import Instances
from pvdify.ports.private_networks import PrivateNetworks
from pvdify.ports.store import Store
from pvdify.ports.volumes import Volumes
from pvdify.timing import first_of

log = structlog.get_logger()
PAUSE, SHORT_PAUSE = 5.0, 0.25  # seconds between two passes; the short pause applies while a service is starting
ASK_EVERY, ASK_NEW_EVERY = 30.0, 0.5  # seconds between two health checks of a live and of a starting service
FAILURES = 3  # health checks that fail in a row before a live service is restarted
FIRST_BACK_OFF, LONGEST_BACK_OFF, QUIET_AFTER = 1.0, 60.0, 600.0  # seconds; after the third, reset the back-off
TIDY_EVERY = 60.0  # seconds; removes networks that were in use when their link was removed
TIDY_ANYWAY_EVERY = 300.0  # seconds; if no record was written, only another program can have left something over


@dataclass
class _Watch:
    """Health checks and restarts of one service, kept in memory between two passes."""

    ask_at: float = 0.0
    failures: int = 0
    starts: int = 0
    start_at: float = 0.0
    is_fresh: bool = True  # this daemon has not seen the service run yet


class ServiceKeeper:
    """Advances all services until canceled.

    Args:
        wake: starts the next pass at once when set.
        stored: restores data from backups into new services.
    """

    def __init__(  # noqa: PLR0913 - one for each port and part
        self, *, clock: Clock, images: Images, instances: Instances, locks: Locks, private_networks: PrivateNetworks,
        store: Store, volumes: Volumes, orders: ServiceOrders, data: ServiceData, runs: ServiceRuns,
        wake: asyncio.Event, stored: StoredData,
    ) -> None:  # fmt: skip
        self._clock, self._images, self._instances, self._locks = clock, images, instances, locks
        self._private_networks, self._store, self._volumes = private_networks, store, volumes
        self._orders, self._data, self._runs = orders, data, runs
        self._wake = wake
        self._stored = stored
        self._watches: dict[str, _Watch] = {}
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._copying: set[str] = set()
        self._tidy_at, self._tidy_anyway_at, self._tidied_writes = 0.0, 0.0, -1

    async def run(self) -> None:
        """Advance all services, wait, and repeat until canceled."""
        try:
            while True:
                self._wake.clear()
                is_quiet = await self.advance_all()
                await self._pause(PAUSE if is_quiet else SHORT_PAUSE)
        finally:
            await self.close()

    async def close(self) -> None:
        """Cancel the work on all services. Their containers keep running."""
        tasks = tuple(self._under_way.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def advance_all(self) -> bool:
        """Start a task for each service that has none; return whether all services are settled. Logs errors."""
        try:
            services = await self._store.services()
            for service in services:
                if service.id not in self._under_way:
                    self._under_way[service.id] = asyncio.create_task(self._advance_safely(service.id))
            for id in self._watches.keys() - {service.id for service in services}:
                del self._watches[id]
            await self._tidy()
        except PvdifyError as error:
            log.warning("services.failed", code=error.code, what=error.what, why=error.why)
            return True
        settled = (ServiceState.LIVE, ServiceState.TRASH, ServiceState.DOWN)
        return all(it.state in settled and not it.is_busy for it in services)

    async def settle(self) -> None:
        """Wait until the current tasks of all services have ended."""
        await asyncio.gather(*tuple(self._under_way.values()))

    async def _advance_safely(self, id: str) -> None:
        try:
            await self._advance(id)
        except PvdifyError as error:
            log.warning("service.failed", service=id, code=error.code, what=error.what, why=error.why)
        except Exception:
            log.exception("service.crashed", service=id)
        finally:
            self._under_way.pop(id, None)

    async def _advance(self, id: str) -> None:
        service = await self._store.service(id)
        if service is None:
            return
        async with self._locks.services(service.name):
            service = await self._store.service(id)
            if service is None:
                return
            if service.is_trashed:
                await self._orders.purge_if_due(service)
                return
            if await self._is_left_over(service):
                made = service.pending.generation if service.pending else 0
                order = Order(kind=OrderKind.DESTROY, by=PVDIFY.name, purges=True, generation=made)
                service = replace(service, pending=order)
                await self._store.save(service)
            if service.pending is not None:
                again = self._watches.setdefault(id, _Watch())
                if service.pending.kind is OrderKind.RESTORE and self._clock.monotonic() < again.start_at:
                    return
                carried = await self._orders.carry_out(service)
                if carried is None or carried.is_trashed:
                    return
                if carried.pending is not None:  # a restore that cannot be done yet
                    self._back_off(again, self._clock.monotonic())
                    return
                self._watches[id] = _Watch()
                service = carried
            await self._keep(service, self._watches.setdefault(id, _Watch()))

    async def _is_left_over(self, service: Service) -> bool:
        """Return whether the service was created for a preview that no longer exists."""
        if not service.owner or (service.pending is not None and service.pending.kind is OrderKind.DESTROY):
            return False
        store = self._store
        return await store.app(service.owner) is None and await store.preview(service.owner) is None

    async def _keep(self, service: Service, watch: _Watch) -> None:
        """Start the service if it does not run, and check its health. A failure is recorded and backed off."""
        try:
            if service.copy_of and service.state is ServiceState.UPGRADING and service.id not in self._copying:
                service = await self._begin_anew(service)  # the copy was cut short
            if not service.image_id and self._clock.monotonic() < watch.start_at:
                return
            if not service.image_id:
                service = await self._runs.fetch(service, service.image)
                await self._store.save(service)
            if service.copy_of and not can_be_dumped(service):  # its volume is filled before it first runs
                service = await self._copy(service, then=ServiceState.STARTING)
            if not await self._is_up(service, watch):
                return
            await self._check(service, watch)
        except PvdifyError as error:
            await self._note_problem(service, error.why or error.what)
            now = self._clock.monotonic()
            self._back_off(watch, now)

    async def _is_up(self, service: Service, watch: _Watch) -> bool:
        if await self._instances.is_running(service.container):
            if watch.is_fresh:
                watch.is_fresh = False
                await self._runs.refresh(service)
            return True
        now = self._clock.monotonic()
        if now < watch.start_at:
            return False
        ended = await self._runs.ending_of(service)
        self._back_off(watch, now)
        await self._runs.start(service)
        watch.is_fresh, watch.failures, watch.ask_at = False, 0, 0.0
        if service.state is ServiceState.LIVE or ended:
            started = self._runs.now_in(service, ServiceState.STARTING, service.problem)
            await self._runs.note(started, Action.SERVICE_RESTARTED, ended or "its container was not there")
        return False

    def _back_off(self, watch: _Watch, now: float) -> None:
        if now > watch.start_at + QUIET_AFTER:
            watch.starts = 0
        watch.starts += 1
        watch.start_at = now + min(FIRST_BACK_OFF * 2 ** (watch.starts - 1), LONGEST_BACK_OFF)

    async def _check(self, service: Service, watch: _Watch) -> None:
        now = self._clock.monotonic()
        if now < watch.ask_at:
            return
        why = await self._runs.ask(service)
        if not why:
            watch.failures, watch.ask_at = 0, self._clock.monotonic() + ASK_EVERY
            await self._is_live(service)
            return
        if service.state is not ServiceState.LIVE:
            watch.ask_at = self._clock.monotonic() + ASK_NEW_EVERY
            waited = (self._clock.now() - service.since).total_seconds()
            if service.state is ServiceState.STARTING and waited > PROVEN_WITHIN:
                await self._note_problem(service, why)
            return
        watch.failures += 1
        watch.ask_at = self._clock.monotonic() + ASK_EVERY
        if watch.failures >= FAILURES:
            await self._runs.stop(service)
            watch.failures = 0
            restarting = self._runs.now_in(service, ServiceState.STARTING, why)
            await self._runs.note(restarting, Action.SERVICE_RESTARTED, f"did not answer {FAILURES} times: {why}")

    async def _is_live(self, service: Service) -> None:
        if service.copy_of:
            service = await self._copy(service)
        if service.state is not ServiceState.LIVE or service.problem:
            live = self._runs.now_in(service, ServiceState.LIVE)
            is_new = service.state is not ServiceState.LIVE
            action = Action.SERVICE_LIVE if is_new else Action.SERVICE_RECOVERED
            await self._runs.note(live, action, live.image if is_new else "")
            log.info("service.live", service=service.name)

    async def _copy(self, service: Service, *, then: ServiceState = ServiceState.UPGRADING) -> Service:
        """Copy data into a new service, which is in the state ``then`` afterwards.

        Raises PvdifyError; the next pass then starts over with a new volume.
        """
        filling = self._runs.now_in(service, ServiceState.UPGRADING)
        self._copying.add(service.id)
        try:
            await self._store.save(filling)
            text = await self._fill(service)
            filled = replace(self._runs.now_in(filling, then), copy_of="")
            await self._runs.note(filled, Action.SERVICE_COPIED, text)
        finally:
            self._copying.discard(service.id)
        return filled

    async def _fill(self, service: Service) -> str:
        """Restore the data that ``copy_of`` names, from a backup or another service; return a description of it."""
        if service.copy_of.startswith(FROM_BACKUP):
            backup, _, id = service.copy_of.removeprefix(FROM_BACKUP).partition(":")
            await self._stored.restore(service, backup, id)
            return f"the data of the backup {backup}"
        source = await self._store.service(service.copy_of)
        if source is None or source.is_trashed:
            raise ServiceFailed(f"{service.name} has no data to copy", why="the service that it copies is gone")
        await self._data.restore(service, self._data.dump(source))
        await self._data.take_password(service)
        return f"the data of {source.name}"

    async def _begin_anew(self, service: Service) -> Service:
        """Remove the container and the volume of an interrupted copy, and return the service with a new volume."""
        await self._runs.stop(service)
        generation = service.generation + 1
        volume = new_volume(service.key, f"data-{generation}", self._clock.now())
        old = service.volume
        anew = replace(service, generation=generation, volume=volume.id if old else "", image_id="")
        anew = self._runs.now_in(anew, ServiceState.STARTING, service.problem)
        await self._store.save(anew, *([volume] if old else []))
        await self._images.release(service.key, service.generation)
        if old:
            await self._volumes.remove(old)
            await self._store.forget_volume(old)
        return anew

    async def _note_problem(self, service: Service, problem: str) -> None:
        current = await self._store.service(service.id)
        if current is None:
            return
        # stays UPGRADING, so that the next pass recognizes an interrupted copy
        is_filling = bool(current.copy_of) and current.state is ServiceState.UPGRADING
        state = ServiceState.UPGRADING if is_filling else ServiceState.DOWN
        if current.state is state and current.problem == problem:
            return
        await self._runs.note(self._runs.now_in(current, state, problem), Action.SERVICE_DOWN, problem)

    async def _tidy(self) -> None:
        """Call ``remove_leftovers`` at most once a minute, and less often while no record is written."""
        now, writes = self._clock.monotonic(), self._store.writes
        if now < self._tidy_at or (writes == self._tidied_writes and now < self._tidy_anyway_at):
            return
        self._tidy_at, self._tidy_anyway_at, self._tidied_writes = now + TIDY_EVERY, now + TIDY_ANYWAY_EVERY, writes
        await self.remove_leftovers()

    async def remove_leftovers(self) -> None:
        """Remove private networks without a link, and service containers that belong to no service.

        Raises RuntimeUnavailable, StoreUnavailable.
        """
        found = await self._private_networks.find()
        containers = [it for it in await self._instances.find() if it.role is Role.SERVICE]
        services = await self._store.services()
        wanted = {link.network.id for link in await self._store.service_links()}
        for id in sorted(found - wanted):
            await self._private_networks.remove(id)
        known = {name for it in services if not it.is_trashed for name in _names(it)}
        for container in containers:
            if container.name not in known:
                await self._instances.remove(container.name)

    async def _pause(self, seconds: float) -> None:
        await first_of(self._clock.sleep(seconds), self._wake.wait())


def _names(service: Service) -> tuple[str, ...]:
    """Return the names of the service's container and of the one that a pending order is creating."""
    made = service.pending.generation if service.pending else 0
    return tuple(container_name(service, generation) for generation in (service.generation, made) if generation)
