"""The reconciler: compares what should be with what is, and repairs the difference.

Level-triggered: it looks at the whole, at start-up and every few seconds, and at once when an instance exits. What an
unfinished operation is about it leaves alone.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import structlog

from pvdify.engine.posthog import config_of
from pvdify.engine.specs import instance_spec
from pvdify.engine.world import World
from pvdify.errors import PvdifyError
from pvdify.model.app import App, route_of
from pvdify.model.event import Event
from pvdify.model.image_reference import parse_image_reference
from pvdify.model.instance import Exit, FoundInstance, InstanceState
from pvdify.model.names import WEB
from pvdify.model.operation import Operation, OperationKind
from pvdify.model.probe import DEFAULT_PATH, is_healthy
from pvdify.model.release import Release
from pvdify.model.route import Route
from pvdify.model.slot import Phase, Placement, Slot, SlotState

log = structlog.get_logger()
PAUSE = 5.0
LEAST_PAUSE = 0.5  # between two starts of the router that follow each other at once
FIRST_BACK_OFF, LONGEST_BACK_OFF = 1.0, 60.0  # seconds before a restart, doubled each time
NETWORKS_EVERY = 600.0  # seconds between two looks at networks: one is left over only where something was cut short
QUIET_AFTER = 600.0  # an instance that stayed up this long starts over with the shortest back-off


@dataclass
class _Restarts:
    """How often an instance had to be restarted of late, and when it may be again."""

    count: int = 0
    not_before: float = 0.0
    is_down: bool = False


@dataclass
class _Found:
    """What the records say at one moment."""

    operations: tuple[Operation, ...]
    slots: tuple[Slot, ...]

    def is_busy(self, app: str) -> bool:
        """Whether an operation other than a retirement is at the app."""
        return any(item.app == app and item.kind is not OperationKind.RETIRE for item in self.operations)

    def is_retiring(self, app: str, slot: int) -> bool:
        """Whether a retirement is at this slot."""
        return any(item.app == app and item.slot == slot for item in self.operations)


class Reconciler:
    """Repairs drift until it is canceled.

    Args:
        world: everything outside.
        wake_worker: gives somebody an operation to be at.
        wake: set by whoever wants a look soon.
    """

    def __init__(self, world: World, wake_worker: Callable[[Operation], None], wake: asyncio.Event) -> None:
        self._world = world
        self._wake_worker = wake_worker
        self._restarts: dict[str, _Restarts] = {}
        self._watched: dict[str, asyncio.Task[None]] = {}
        self._ending: set[asyncio.Task[None]] = set()  # down, but how they ended is not known yet
        self._ended: set[str] = set()  # since the last look: not in a route, whatever else is to be seen to
        self._networks_due = 0.0
        self._wake = wake

    async def run(self) -> None:
        """Look and repair, forever. A repair that fails is tried again at the next look."""
        try:
            while True:
                await self.reconcile()
                await self._pause()
        finally:
            self.close()

    def close(self) -> None:
        """Watch nothing any more."""
        for task in (*self._watched.values(), *self._ending):
            task.cancel()

    async def keep_router(self) -> None:
        """Start the router again as soon as it dies, forever; visitors notice nothing else so soon.

        Beside ``run``, so that a look that takes its time does not hold it up.
        """
        while True:
            begun = self._world.clock.monotonic()
            await self.ensure_router()
            await self._world.router.wait_died()
            # What dies again and again must not keep us busy; a first death is seen to at once.
            if self._world.clock.monotonic() - begun < LEAST_PAUSE:
                await self._world.clock.sleep(LEAST_PAUSE)

    async def ensure_router(self) -> None:
        """The router runs with its last routes, if it can be started at all; before any unfinished work goes on."""
        try:
            await self._world.router.ensure_running()
        except PvdifyError as error:
            log.error("router.unavailable", what=error.what, why=error.why, next=error.next)

    async def reconcile(self) -> None:
        """One look at everything. Never raises: what cannot be repaired is logged and tried again."""
        for repair in (
            self.put_routes,
            self._unfinished,
            self._slots,
            self._left_over,
            self._instances,
            self._restarted,
            self._networks,
        ):
            try:
                with _told(repair=repair.__name__):
                    await repair()
            except Exception:
                log.exception("reconcile.crashed", repair=repair.__name__)

    async def put_routes(self) -> None:
        """The router runs, and every app's route is the one it should have. Raises RouterUnavailable."""
        await self._world.router.ensure_running()
        found, routes = await self._look(), await self._world.router.routes()
        slots = {(slot.app, slot.number): slot for slot in found.slots}
        active = {release.app: release for release in await self._world.store.active_releases()}
        for app in await self._world.store.apps():
            release = active.get(app.name)
            slot = slots.get((app.name, release.slot)) if release and release.slot else None
            wanted = self._wanted_route(app, release, slot)
            if found.is_busy(app.name) or release is None or routes.get(app.name) == wanted:
                continue
            if await self._is_settled(app.name):
                await self._world.router.put(wanted)
                log.info("route.repaired", app=app.name, slot=wanted.slot, targets=wanted.targets)
        known = {app.name for app in await self._world.store.apps()}
        for name in set(routes) - known:
            await self._world.router.remove(name)

    async def _is_settled(self, app: str) -> bool:
        """Whether no operation began while we looked: its route is its own business."""
        operations = await self._world.store.unsettled_operations(app)
        return all(operation.kind is OperationKind.RETIRE for operation in operations)

    def _wanted_route(self, app: App, release: Release | None, slot: Slot | None) -> Route:
        """The app's route, without targets that are known to be down as long as another one is up."""
        whole = route_of(app, self._world.settings.base_domain, release.manifest if release else None, slot)
        down = {
            place.host_port
            for place in (slot.placements if slot else ())
            if place.name in self._ended or self._restarts.get(place.name, _Restarts()).is_down
        }
        serving = whole.without(down)
        return serving if serving.targets else whole

    async def _unfinished(self) -> None:
        """Work in the journal has somebody at it."""
        for operation in await self._world.store.unsettled_operations():
            self._wake_worker(operation)

    async def _slots(self) -> None:
        """Every slot that drains or stands by has a retirement that will end it."""
        found = await self._look()
        for slot in found.slots:
            if not slot.state.has_served or found.is_retiring(slot.app, slot.number) or found.is_busy(slot.app):
                continue
            retirement = Operation(
                id=f"{slot.app}-v{slot.number}-retired-{self._world.clock.now():%Y%m%dT%H%M%S}",
                kind=OperationKind.RETIRE,
                app=slot.app,
                slot=slot.number,
                created_at=self._world.clock.now(),
                created_by="pvdify",
            )
            await self._world.store.save(retirement)
            self._wake_worker(retirement)

    async def _left_over(self) -> None:
        """No instance that was to come or to go is left where nobody is at it any more."""
        found = await self._look()
        for slot in found.slots:
            rest = [place for place in slot.placements if not place.is_up]
            if not rest or slot.state is SlotState.CANDIDATE or not await self._is_settled(slot.app):
                continue
            release = await self._world.store.release(slot.app, slot.number)
            for place in rest:
                await self._world.supervisor.stop(place.name, release.manifest.stop_timeout if release else 10.0)
                await self._world.supervisor.remove(place.name)
            async with self._world.locks.slots(slot.app):
                current = await self._world.store.slot(slot.app, slot.number)
                if current == slot and await self._is_settled(slot.app):
                    await self._world.store.save(slot.without(Phase.JOINING, Phase.LEAVING))

    async def _instances(self) -> None:
        """Every instance that should run does; one that exited is started again, ever more slowly. No other runs."""
        found = await self._look()
        containers = await self._containers()  # after the records: what they call live has been started by now
        for slot in await self._in_order(found.slots):
            for place in filter(lambda place: place.is_up, slot.placements):
                # A running deploy decides which workers run; a web instance that visitors need is never left down.
                if place.process == WEB or (slot.state is SlotState.LIVE and not found.is_busy(slot.app)):
                    with _told(app=slot.app, name=place.name):  # one that cannot be started keeps no other one down
                        await self._keep_running(slot, place, containers.get(place.name))
        placed = {place.name for slot in found.slots for place in slot.placements}
        self._ended &= placed
        for name in self._restarts.keys() - placed:
            del self._restarts[name]
        await self._orphans(containers)

    async def _in_order(self, slots: Iterable[Slot]) -> list[Slot]:
        """What serves first, as it went live; previews last. After a boot, everything starts in this order."""
        previews = {preview.name for preview in await self._world.store.previews()}
        down = (SlotState.CANDIDATE, SlotState.STOPPED)  # not up yet, or not to be up
        started = (slot for slot in slots if slot.state not in down)
        return sorted(
            started, key=lambda slot: (slot.app in previews, slot.state is not SlotState.LIVE, slot.since, slot.app)
        )

    async def _keep_running(self, slot: Slot, place: Placement, container: FoundInstance | None) -> None:
        restarts = self._restarts.setdefault(place.name, _Restarts())
        if place.name in self._ended:
            self._ended.remove(place.name)
            restarts.is_down = slot.state is SlotState.LIVE
        if container is not None and container.state is InstanceState.RUNNING:
            self._watch(slot, place)
            await self._back_in_route(slot, place)
            return
        now = self._world.clock.monotonic()
        is_restarting = container is not None and container.is_restarting
        if now < restarts.not_before and not is_restarting:
            return
        if not restarts.is_down and place.host_port is not None and slot.state is SlotState.LIVE:
            restarts.is_down = True
            await self.put_routes()
        if is_restarting:
            restarts.not_before = now + FIRST_BACK_OFF  # look again soon whether it is back
            return
        if now > restarts.not_before + QUIET_AFTER:
            restarts.count = 0
        restarts.count += 1
        restarts.not_before = now + min(FIRST_BACK_OFF * 2 ** (restarts.count - 1), LONGEST_BACK_OFF)
        await self._start_again(slot, place, container)

    async def _start_again(self, slot: Slot, place: Placement, container: FoundInstance | None) -> None:
        # Looked at again under the lock: an app that is being taken away, or has gone, does not come back.
        async with self._world.locks.instances(slot.app):
            release = await self._world.store.release(slot.app, slot.number)
            current = await self._world.store.slot(slot.app, slot.number)
            if release is None or current is None or current.state is not slot.state:
                return
            if await self._is_leaving(slot.app):
                return
            ended = container.exit if container else None
            await self._world.store.save(self._restart_event(slot, place, ended))
            self._note_restart(slot, place, ended)
            config = await config_of(self._world, slot.app, release.config_version)
            with _told(app=slot.app, image=release.image):  # it may be here all the same
                await self._bring_image(release)
            await self._world.supervisor.start(instance_spec(release, place, config, ""))
        self._watch(slot, place)

    async def _is_leaving(self, app: str) -> bool:
        """Whether the app is being taken away."""
        operations = await self._world.store.unsettled_operations(app)
        return any(operation.kind is OperationKind.DESTROY for operation in operations)

    async def _bring_image(self, release: Release) -> None:
        """The release's image is here: also where a backup was restored, or somebody cleaned up."""
        images = self._world.images
        if release.image_id is None or release.digest is None or await images.get(release.image_id) is not None:
            return
        log.info("image.missing", app=release.app, release=release.version, digest=release.digest)
        image = await images.pull(parse_image_reference(release.image), release.digest)
        await images.keep(image.image_id, release.app, release.version)

    async def _restarted(self) -> None:
        """What the supervisor restarted by itself, also while we were down, is told as an event, once."""
        restarts = await self._world.supervisor.restarts()
        if not restarts:
            return
        places = {place.name: (slot, place) for slot in (await self._look()).slots for place in slot.placements}
        known = [(*places[each.name], each) for each in restarts if each.name in places]
        await self._world.store.save(
            *(self._restart_event(slot, place, each.exit, each.at) for slot, place, each in known)
        )
        await self._world.supervisor.forget_restarts(restarts)
        for slot, place, each in known:
            self._note_restart(slot, place, each.exit)

    def _restart_event(self, slot: Slot, place: Placement, ended: Exit | None, at: datetime | None = None) -> Event:
        is_out_of_memory = ended is not None and ended.is_out_of_memory
        return Event(
            at=at or self._world.clock.now(),
            actor="pvdify",
            action="instance.out-of-memory" if is_out_of_memory else "instance.restarted",
            app=slot.app,
            release=slot.number,
            text=f"{place.process}.{place.number} {ended or 'is not there'}",
        )

    def _note_restart(self, slot: Slot, place: Placement, ended: Exit | None) -> None:
        is_out_of_memory = ended is not None and ended.is_out_of_memory
        self._world.tally.restarted(slot.app, place.process, is_out_of_memory=is_out_of_memory)
        log.info(
            "instance.restarted", app=slot.app, slot=slot.number, name=place.name, why=str(ended or "is not there")
        )

    async def _back_in_route(self, slot: Slot, place: Placement) -> None:
        """An instance that was down gets visitors again once it answers."""
        restarts = self._restarts.get(place.name)
        if restarts is None or not restarts.is_down or place.host_port is None:
            return
        release = await self._world.store.release(slot.app, slot.number)
        if release is None:
            return
        check = release.manifest.healthcheck
        answer = await self._world.prober.probe(place.host_port, check.path or DEFAULT_PATH, timeout=check.timeout)
        if is_healthy(check, answer):
            restarts.is_down = False
            await self.put_routes()

    async def _orphans(self, containers: Mapping[str, FoundInstance]) -> None:
        """No container of ours is without a slot or an operation that knows it."""
        found = await self._look()  # after the containers: what was started meanwhile is no orphan
        wanted = {place.name for slot in found.slots for place in slot.placements}
        at_work = {(item.app, item.slot) for item in found.operations}
        for name, container in containers.items():
            is_known = (
                name in wanted | self._world.one_offs
                or (container.app, container.slot) in at_work
                or found.is_busy(container.app)
            )
            if not is_known and await self._is_settled(container.app):
                log.info("orphan.removed", app=container.app, name=name)
                await self._world.supervisor.remove(name)
                self._forget(name)

    async def _networks(self) -> None:
        """No network is left of an app that is gone."""
        now = self._world.clock.monotonic()
        if now < self._networks_due:
            return
        found = await self._world.supervisor.networks()
        known = {app.name for app in await self._world.store.apps()}  # after the networks: an app comes before its own
        for app in sorted(found - known):
            log.info("network.removed", app=app)
            await self._world.supervisor.remove_network(app)
        self._networks_due = now + NETWORKS_EVERY

    async def _look(self) -> _Found:
        operations = await self._world.store.unsettled_operations()
        return _Found(operations=operations, slots=await self._world.store.slots())

    async def _containers(self) -> dict[str, FoundInstance]:
        return {item.name: item for item in await self._world.supervisor.find()}

    def _watch(self, slot: Slot, place: Placement) -> None:
        """See to it at once when this instance goes down."""
        if place.name not in self._watched:
            self._watched[place.name] = asyncio.create_task(self._see_to_end(slot, place))

    async def _see_to_end(self, slot: Slot, place: Placement) -> None:
        """Out of the route, whatever look or operation is under way; how it ended takes longer to find out."""
        try:
            await self._world.supervisor.wait_down(place.name)
            self._ended.add(place.name)
            if place.host_port is not None:
                await self._world.router.take_out(slot.app, slot.number, place.number)
        except PvdifyError as error:
            log.debug("watch.failed", name=place.name, what=error.what)
        finally:
            self._watched.pop(place.name, None)
        ending = asyncio.create_task(self._wake_when_known(place.name))
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)

    async def _wake_when_known(self, name: str) -> None:
        """Look at everything once it can be told how the instance ended, and it can be started again."""
        try:
            await self._world.supervisor.wait(name)
        except PvdifyError as error:
            log.debug("watch.failed", name=name, what=error.what)
        self._wake.set()

    def _forget(self, name: str) -> None:
        self._restarts.pop(name, None)
        watch = self._watched.pop(name, None)
        if watch:
            watch.cancel()

    async def _pause(self) -> None:
        """Until the next look: a few seconds, the end of a back-off, or at once when an instance exits."""
        now = self._world.clock.monotonic()
        waits = [item.not_before - now for item in self._restarts.values() if item.not_before > now]
        pause = asyncio.create_task(self._world.clock.sleep(max(0.05, min([PAUSE, *waits]))))
        woken = asyncio.create_task(self._wake.wait())
        try:
            await asyncio.wait({pause, woken}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            pause.cancel()
            woken.cancel()
            self._wake.clear()


@contextmanager
def _told(**about: str) -> Iterator[None]:
    """What goes wrong inside is logged; the next look tries it again."""
    try:
        yield
    except PvdifyError as error:
        log.warning("reconcile.failed", code=error.code, what=error.what, why=error.why, **about)
