"""Removes instances and networks that interrupted operations left behind, or that belong to no record."""

from collections.abc import Iterable
from dataclasses import replace

import structlog

from pvdify.engine.running.instances import InstanceRepair
from pvdify.engine.running.snapshot import Snapshot, is_settled, take_snapshot
from pvdify.engine.world.concurrency import Locks
from pvdify.model.action import Action
from pvdify.model.event import Event
from pvdify.model.instance import FoundInstance, Role
from pvdify.model.names import WEB
from pvdify.model.release import Release, grace_of
from pvdify.model.service import PREFIX as SERVICE_PREFIX
from pvdify.model.slot import Phase, Slot, SlotState
from pvdify.ports.clock import Clock
from pvdify.ports.instances import Instances
from pvdify.ports.networks import Networks
from pvdify.ports.store import Store
from pvdify.settings import Settings

log = structlog.get_logger()
SHOWN = 5  # names in an event
NETWORKS_EVERY = 600.0  # seconds between two checks of networks, which are rarely left over


class Leftovers:
    """Removes leftovers. Each removal is decided under the app's lock, by the records as they are then."""

    def __init__(
        self, *, clock: Clock, instances: Instances, locks: Locks, networks: Networks, one_offs: set[str],
        settings: Settings, store: Store, repair: InstanceRepair,
    ) -> None:  # fmt: skip
        self._clock, self._instances, self._locks, self._networks = clock, instances, locks, networks
        self._one_offs, self._settings, self._store, self._repair = one_offs, settings, store, repair
        self._networks_due = 0.0
        self._reported: list[str] = []  # the names in the last event about orphans

    async def finish_phases(self) -> None:
        """Remove joining and leaving instances, and candidate slots, of apps without an unfinished operation.

        A candidate slot that was taken over from standby becomes STANDBY again. Raises RuntimeUnavailable,
        StoreUnavailable.
        """
        for slot in (await take_snapshot(self._store)).slots:
            if is_unfinished(slot) and await is_settled(self._store, slot.app):
                await self._finish_phases_of(slot)

    async def remove_orphans(self, containers: Iterable[FoundInstance]) -> None:
        """Remove those of these containers that no slot, operation, job run or one-off command knows.

        If more than ``most_orphans`` of them are of unknown releases, those are kept: the database may be too old.
        Raises RuntimeUnavailable, StoreUnavailable.
        """
        found = await take_snapshot(self._store)  # read after the containers: newly started ones are known by then
        orphans = [each for each in containers if not self._is_known(each, found)]
        unexplained = [each for each in orphans if not await self._had_slot(each)]
        if len(unexplained) > self._settings.most_orphans:
            await self._report(unexplained)
            orphans = [each for each in orphans if each not in unexplained]
        for container in orphans:
            await self._remove_orphan(container)

    async def remove_networks(self) -> None:
        """Remove the networks of apps that do not exist any more. Raises RuntimeUnavailable, StoreUnavailable."""
        now = self._clock.monotonic()
        if now < self._networks_due:
            return
        found = await self._networks.apps()
        known = {app.name for app in await self._store.apps()}  # read after the networks: apps are recorded first
        for app in sorted(found - known):
            if app.startswith(SERVICE_PREFIX):
                continue  # the service keeper removes it
            async with self._locks.instances(app):
                if await self._store.app(app) is None:
                    log.info("network.removed", app=app)
                    await self._networks.remove(app)
        self._networks_due = now + NETWORKS_EVERY

    async def _finish_phases_of(self, slot: Slot) -> None:
        locks, store = self._locks, self._store
        async with locks.slots(slot.app), locks.instances(slot.app):
            current = await store.slot(slot.app, slot.number)
            if current is None or not await is_settled(self._store, slot.app):
                return
            release = await store.release(slot.app, slot.number)
            await finish_slot(current, release, clock=self._clock, instances=self._instances, store=store)

    async def _had_slot(self, container: FoundInstance) -> bool:
        """Whether the records have the slot of this container, so that the database is recent enough to trust."""
        return await self._store.slot(container.app, container.slot) is not None

    async def _report(self, orphans: list[FoundInstance]) -> None:
        """Record once that an operator has to decide about these containers, because the database may be too old."""
        names = sorted(each.name for each in orphans)
        if names == self._reported:
            return
        self._reported = names
        shown = ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
        text = (
            f"{len(names)} containers are of releases that the database does not know, and none of them was removed: "
            f"{shown}. If the database is an older one, `pvdify server restore FILE` brings back a newer backup. If "
            f"they may go, start pvdifyd with `most_orphans = {len(names)}` in its settings file"
        )
        log.warning("orphans.kept", count=len(names), names=names)
        event = Event(at=self._clock.now(), actor="pvdify", action=Action.SERVER_ORPHANS, text=text)
        await self._store.save(event)

    async def _remove_orphan(self, container: FoundInstance) -> None:
        async with self._locks.instances(container.app):
            if self._is_known(container, await take_snapshot(self._store)):
                return
            log.info("orphan.removed", app=container.app, name=container.name)
            await self._instances.remove(container.name)
            self._repair.forget(container.name)

    def _is_known(self, container: FoundInstance, found: Snapshot) -> bool:
        return (
            container.role is Role.SERVICE  # the service keeper removes these
            or container.name in found.placed
            or container.name in self._one_offs
            or container.name in found.job_runs
            or found.is_retiring(container.app, container.slot)
            or found.is_busy(container.app)
        )


def is_unfinished(slot: Slot) -> bool:
    """Return whether the slot is a candidate, or has instances that join or leave."""
    return slot.state is SlotState.CANDIDATE or any(not place.is_up for place in slot.placements)


async def finish_slot(
    slot: Slot, release: Release | None, *, clock: Clock, instances: Instances, store: Store
) -> None:  # fmt: skip
    """Remove what an ended operation left in the slot, and store the slot as the operation should have left it.

    ``release``: the one that started the slot. Call this under ``locks.slots`` and ``locks.instances``. Raises
    RuntimeUnavailable, StoreUnavailable; then the slot is as before, or has fewer running instances.
    """
    after = _finished(slot, release)
    kept = () if after.state is SlotState.RETIRED else after.placements
    for place in slot.placements:
        if place not in kept:
            await instances.stop(place.name, grace_of(release))
            await instances.remove(place.name)
        elif after.state is SlotState.STANDBY and place.process != WEB:
            await instances.stop(place.name, grace_of(release))  # only the live slot's workers may run
    if after != slot:
        await store.save(replace(after, since=clock.now()))


def _finished(slot: Slot, release: Release | None) -> Slot:
    """Return the slot as the ended operation should have left it; ``release`` is the release that started it.

    An operation whose instances still join was not carried out; one whose instances only leave was.
    """
    undone = slot.before_joining() if slot.in_phase(Phase.JOINING) else slot.without(Phase.LEAVING)
    if slot.state is not SlotState.CANDIDATE:
        return undone
    if release is not None and release.was_live:
        return replace(undone, state=SlotState.STANDBY)
    return replace(slot, state=SlotState.RETIRED)
