"""Restarts instances that exited, with a growing back-off."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import structlog

from pvdify.engine.running.environment import Environments, tenant_of
from pvdify.engine.running.fatal_requests import FatalRequests
from pvdify.engine.running.pinning import pinned
from pvdify.engine.running.routes import RouteRepair
from pvdify.engine.running.snapshot import Snapshot, logged, take_snapshot
from pvdify.engine.running.specs import instance_spec
from pvdify.engine.running.watches import Watches
from pvdify.engine.world.concurrency import Locks, settle
from pvdify.engine.world.down import DownTargets
from pvdify.engine.world.tally import Tally
from pvdify.errors import PvdifyError
from pvdify.model.action import Action
from pvdify.model.event import Event
from pvdify.model.image import LocalImage
from pvdify.model.image_reference import parse_image_reference
from pvdify.model.instance import Exit, FoundInstance, InstanceState, Restart
from pvdify.model.names import WEB, app_of_instance
from pvdify.model.observed_instances import ObservedInstances
from pvdify.model.operation import OperationKind
from pvdify.model.release import Release
from pvdify.model.service import PREFIX as SERVICE_PREFIX
from pvdify.model.slot import Placement, Slot, SlotState
from pvdify.ports.clock import Clock
from pvdify.ports.images import Images
from pvdify.ports.instances import Instances
from pvdify.ports.store import Store
from pvdify.timing import BackOff

log = structlog.get_logger()
BACK_OFF = BackOff(first=1.0, longest=60.0)  # before a restart
STARTS_AT_ONCE = 4  # starting a container is mostly waiting, and visitors of the others are served meanwhile
QUIET_AFTER = 600.0  # seconds of uptime after which the next back-off is the shortest one again


@dataclass
class _Restarts:
    """The number of recent restarts of an instance, and the earliest time of the next one."""

    count: int = 0
    not_before: float = 0.0


class InstanceRepair:
    """Starts instances that should run and do not."""

    def __init__(  # noqa: PLR0913 - one for each port and part
        self, *, clock: Clock, down: DownTargets, images: Images, instances: Instances, locks: Locks,
        observed: ObservedInstances, store: Store, tally: Tally, environments: Environments,
        fatal_requests: FatalRequests, routes: RouteRepair, watches: Watches,
    ) -> None:  # fmt: skip
        self._clock, self._down, self._images, self._instances = clock, down, images, instances
        self._locks, self._observed, self._store, self._tally = locks, observed, store, tally
        self._environments, self._fatal_requests = environments, fatal_requests
        self._routes = routes
        self._watches = watches
        self._restarts: dict[str, _Restarts] = {}
        self.kept: frozenset[str] = frozenset()  # the instances that should run, as of the last ``keep_running``

    def seconds_to_next(self) -> float | None:
        """Return the seconds until the first back-off ends, or None if no instance waits for one."""
        now = self._clock.monotonic()
        waits = [item.not_before - now for item in self._restarts.values() if item.not_before > now]
        return min(waits, default=None)

    def forget(self, name: str) -> None:
        """Forget the back-off and the watch of an instance that was removed."""
        self._restarts.pop(name, None)
        self._watches.forget(name)

    async def keep_running(self, found_containers: Iterable[FoundInstance]) -> None:
        """Start every instance that should run and has no running container among these, some at the same time.

        Raises StoreUnavailable.
        """
        containers = {item.name: item for item in found_containers}
        found = await take_snapshot(self._store)
        self._forget_others(found)
        kept: dict[str, tuple[Slot, Placement]] = {}
        for slot in await self._in_start_order(found.slots):
            for place in filter(lambda place: place.is_up, slot.placements):
                is_settled = not found.is_busy(slot.app) and not found.has_candidate(slot.app)
                if _should_run(slot, place, is_settled=is_settled):
                    kept[place.name] = slot, place
                else:
                    await self._note_standing(place, containers.get(place.name))
        starting = asyncio.Semaphore(STARTS_AT_ONCE)

        async def keep(slot: Slot, place: Placement) -> None:
            async with starting:
                with logged(app=slot.app, name=place.name):  # a failed start must not end the others
                    await self._keep(slot, place, containers.get(place.name))

        await settle(*(keep(slot, place) for slot, place in kept.values()))
        self.kept = frozenset(kept)

    async def note_restarts(self) -> None:
        """Record each restart that the supervisor made by itself once, also those while pvdifyd was down.

        Raises RuntimeUnavailable, StoreUnavailable.
        """
        restarts = await self._instances.restarts()
        if not restarts:
            return
        slots = (await take_snapshot(self._store)).slots
        places = {place.name: (slot, place) for slot in slots for place in slot.placements}
        for each in restarts:
            if each.name in places:
                await self._note_restart(*places[each.name], each)
            elif (key := app_of_instance(each.name)).startswith(SERVICE_PREFIX):
                text = f"{key.removeprefix(SERVICE_PREFIX)}: {each.moved or each.exit}"
                restarted = Event(at=each.at, actor="pvdify", action=Action.SERVICE_RESTARTED, app=key, text=text)
                await self._store.save(restarted)
        await self._instances.forget_restarts(restarts)

    async def _note_restart(self, slot: Slot, place: Placement, restart: Restart) -> None:
        if restart.moved:
            text = f"{place.process}.{place.number} {restart.moved}"
            await self._store.save(_event(slot, Action.INSTANCE_MOVED, text, restart.at))
        else:
            await self._record(slot, place, restart.exit, restart.at)

    def _forget_others(self, found: Snapshot) -> None:
        places = [place for slot in found.slots for place in slot.placements]
        self._down.keep_only(places)
        self._observed.keep_only({place.name for place in places})
        for name in self._restarts.keys() - {place.name for place in places}:
            del self._restarts[name]

    async def _in_start_order(self, slots: Iterable[Slot]) -> list[Slot]:
        """Return slots whose instances should run: live ones first, oldest first, previews last.

        After a boot of the server, instances begin to start in this order.
        """
        previews = {preview.name for preview in await self._store.previews()}
        started = (slot for slot in slots if slot.state.is_kept_up)
        return sorted(
            started, key=lambda slot: (slot.app in previews, slot.state is not SlotState.LIVE, slot.since, slot.app)
        )

    async def _keep(self, slot: Slot, place: Placement, container: FoundInstance | None) -> None:
        restarts = self._restarts.setdefault(place.name, _Restarts())
        is_running = container is not None and container.state is InstanceState.RUNNING
        if is_running or await self._instances.is_running(place.name):
            self._watches.watch(slot, place)
            await self._watches.put_back(slot, place)
            await self._note_standing(place, container)
            return
        await self._take_out(slot, place)
        await self._note_standing(place, container)
        now = self._clock.monotonic()
        if container is not None and container.is_restarting:
            restarts.not_before = now + BACK_OFF.first  # check soon whether the supervisor has restarted it
            return
        if now < restarts.not_before:
            return
        if now > restarts.not_before + QUIET_AFTER:
            restarts.count = 0
        restarts.count += 1
        restarts.not_before = now + BACK_OFF.pause(restarts.count)
        await self._start_again(slot, place, container)

    async def _note_standing(self, place: Placement, container: FoundInstance | None) -> None:
        """Record in memory whether the instance is up, for the status of its app."""
        observed, now = self._observed, self._clock.now()
        is_running = container is not None and container.state is InstanceState.RUNNING
        started_at = container.started_at if container is not None and is_running else None
        if (is_running or await self._instances.is_running(place.name)) and not self._down.has(place):
            observed.seen_up(place.name, now, started_at=started_at)
        else:
            # While the supervisor restarts the instance, note_restarts reports the exit from the supervisor's record.
            is_known = container is not None and not container.is_restarting
            observed.seen_down(place.name, now, container.exit if container and is_known else None)

    async def _take_out(self, slot: Slot, place: Placement) -> None:
        if not place.has_route or self._down.has(place):
            return
        self._down.add(place)
        self._watches.expect_back(slot, place)
        if slot.state is SlotState.LIVE:
            await self._routes.put_routes(slot.app)

    async def _start_again(self, slot: Slot, place: Placement, container: FoundInstance | None) -> None:
        """Start the instance, unless an operation has changed what should run since ``container`` was read."""
        release = await self._store.release(slot.app, slot.number)
        if release is None or not await self._should_start(slot, place):
            return
        images = self._images.on(slot.runtime)
        missing = await self._bring_image(images, release)  # may take minutes, so it runs without the lock
        async with self._locks.instances(slot.app):
            if not await self._should_start(slot, place):
                return
            if missing is None:
                await self._keep_image(images, release)
            around = await self._environments.of(release)
            try:
                await self._instances.start(instance_spec(release, place, around, ""))
            except PvdifyError as error:
                await self._not_started(slot, place, error, missing)
                raise
            if container is not None and container.is_of_earlier_boot:
                log.info("instance.booted", app=slot.app, slot=slot.number, name=place.name)
            else:
                await self._record(slot, place, container.exit if container else None, self._clock.now())
        self._watches.watch(slot, place)
        self._watches.expect_back(slot, place)

    async def _should_start(self, slot: Slot, place: Placement) -> bool:
        """Whether the records want this instance to run now, and it does not."""
        operations = await self._store.unsettled_operations(slot.app)
        current = await self._store.slot(slot.app, slot.number)
        is_leaving = any(operation.kind is OperationKind.DESTROY for operation in operations)
        if current is None or is_leaving or place not in current.placements:
            return False
        # If an undo could not stop a candidate's workers, they may still run: start no other workers until they end.
        found = await take_snapshot(self._store)
        is_settled = not found.is_busy(slot.app) and not found.has_candidate(slot.app)
        if not _should_run(current, place, is_settled=is_settled):
            return False
        return not await self._instances.is_running(place.name)

    async def _bring_image(self, images: Images, release: Release) -> PvdifyError | None:
        """Pull the release's image if it is missing, as after a restore or a clean-up by hand.

        Return the error if the image is not here and cannot be pulled.
        """
        about = {"app": release.app, "image": release.image}
        if release.image_id is None or release.digest is None:
            return None
        with logged(**about):  # if the check fails, the image may still be here: try to start the instance
            if await images.get(release.image_id) is not None:
                return None
            log.info("image.missing", release=release.version, digest=release.digest, **about)
            try:
                await self._pull(images, release, release.digest)
            except PvdifyError as error:
                log.warning("reconcile.failed", code=error.code, what=error.what, why=error.why, **about)
                return error
        return None

    async def _keep_image(self, images: Images, release: Release) -> None:
        """Pin the image for the release, if the pin is missing; pull it if it was removed since ``_bring_image``."""
        image_id, digest = release.image_id, release.digest
        if image_id is None or digest is None or release.version in await images.kept(release.app):
            return

        async def bring() -> LocalImage:
            return await images.get(image_id) or await self._pull(images, release, digest)

        with logged(app=release.app, image=release.image):
            await pinned(images, release.app, release.version, release.image, bring)

    async def _pull(self, images: Images, release: Release, digest: str) -> LocalImage:
        tenant = await tenant_of(self._store, release.app)
        return await images.pull(parse_image_reference(release.image), digest, tenant)

    async def _not_started(self, slot: Slot, place: Placement, error: PvdifyError, missing: PvdifyError | None) -> None:
        """Record why an instance cannot be started, in one event per reason."""
        why, short = error.why or error.what, error.why or error.what
        if missing is not None:
            why, short = f"its image is not on this server, and {missing.what}", "image missing"
            why += f": {missing.why}" if missing.why else ""
        problem, now = f"{place.process}.{place.number} cannot be started: {why}", self._clock.now()
        if self._observed.refused(place.name, now, problem, short):
            await self._store.save(_event(slot, Action.INSTANCE_NOT_STARTED, problem, now))

    async def _record(self, slot: Slot, place: Placement, ended: Exit | None, at: datetime) -> None:
        """Record a restart. During a crash loop, which has an event of its own, restarts make no events."""
        is_out_of_memory = ended is not None and ended.is_out_of_memory
        action = Action.INSTANCE_OUT_OF_MEMORY if is_out_of_memory else Action.INSTANCE_RESTARTED
        why = str(ended or "is not there")
        if not self._observed.is_looping(place.name):
            await self._store.save(_event(slot, action, f"{place.process}.{place.number} {why}", at))
        await self._fatal_requests.note(slot, place, ended)
        self._observed.restarted(place.name, at, ended)
        self._tally.restarted(slot.app, place.process, is_out_of_memory=is_out_of_memory)
        log.info("instance.restarted", app=slot.app, slot=slot.number, name=place.name, why=why)


def _event(slot: Slot, action: Action, text: str, at: datetime) -> Event:
    return Event(at=at, actor="pvdify", action=action, app=slot.app, release=slot.number, text=text)


def _should_run(slot: Slot, place: Placement, *, is_settled: bool) -> bool:
    """Whether the reconciler keeps this instance up. While an operation is unfinished, it starts no workers."""
    if not slot.state.is_kept_up or not place.is_up:
        return False
    return place.process == WEB or (slot.state is SlotState.LIVE and is_settled)
