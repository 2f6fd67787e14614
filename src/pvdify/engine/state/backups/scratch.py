"""A service for one drill: a container of the kind with an empty volume, of which nothing is left afterwards."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from pvdify.engine.state.backups.tools import Notes
from pvdify.engine.state.services.runs import ServiceRuns
from pvdify.engine.world import World
from pvdify.errors import BackupFailed
from pvdify.model.backup import BackupItem
from pvdify.model.instance import Role
from pvdify.model.service import Service, ServiceState
from pvdify.model.service_kinds import KINDS
from pvdify.model.volume import new_volume

GENERATION = 1_000_000  # no service is upgraded so often
CONTAINER, VOLUME = "container", "volume"  # what a task owes if it is cut short


class Scratch:
    """Makes them, one at a time.

    Args:
        world: everything outside.
        notes: of the task that needs it.
    """

    def __init__(self, world: World, notes: Notes) -> None:
        self._world = world
        self._notes = notes
        self._runs = ServiceRuns(world)

    @asynccontextmanager
    async def service(self, item: BackupItem) -> AsyncIterator[Service]:
        """Run a new service with the credentials and the image that the backed up one has today.

        Apps do not reach it. Raises BackupFailed (neither the service nor its kind is known), ServiceFailed,
        RuntimeUnavailable, StoreUnavailable, and as pulling an image.
        """
        known = await self._known(item)
        volume = new_volume(known.key, "drill", self._world.clock.now())
        scratch = replace(known, generation=GENERATION, volume=volume.id, pending=None, copy_of="")
        debts = (f"{CONTAINER}:{scratch.container}", f"{VOLUME}:{volume.id}")
        for debt in debts:
            await self._notes.owe(debt)
        self._world.one_offs.add(scratch.container)
        try:
            scratch = await self._runs.fetch(scratch, scratch.image)
            spec = await self._runs.spec_of(scratch, is_linked=False)
            await self._world.instances.start(replace(spec, role=Role.RUN))
            await self._runs.prove(scratch)
            yield scratch
        finally:
            await self._remove(scratch, debts)

    async def _remove(self, scratch: Service, debts: tuple[str, ...]) -> None:
        await self._world.instances.remove(scratch.container)
        self._world.one_offs.discard(scratch.container)
        await self._world.volumes.remove(scratch.volume)
        await self._world.images.release(scratch.key, scratch.generation)
        for debt in debts:
            await self._notes.paid(debt)

    async def _known(self, item: BackupItem) -> Service:
        services = await self._world.store.services()
        found = next((it for it in services if it.id == item.id), None)
        if found is None or item.service not in KINDS:
            raise BackupFailed(
                f"{item.title} was not proven", why="the service was deleted, with its credentials",
                next="`pvdify backups:run` makes a backup of what there is now",
            )  # fmt: skip
        return found.at(ServiceState.STARTING, self._world.clock.now())
