"""Scratch services for drills: a container of the service's image with an empty volume, removed after the drill."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from pvdify.engine.state.backups.tools import Notes
from pvdify.engine.state.services.runs import ServiceRuns
from pvdify.errors import BackupFailed
from pvdify.model.backup import BackupItem
from pvdify.model.instance import Role
from pvdify.model.service import Service, ServiceState
from pvdify.model.service_kinds import KINDS
from pvdify.model.volume import new_volume
from pvdify.ports.clock import Clock
from pvdify.ports.images import Images
from pvdify.ports.instances import Instances
from pvdify.ports.store import Store
from pvdify.ports.volumes import Volumes

GENERATION = 1_000_000  # never reached by upgrades
CONTAINER, VOLUME = "container", "volume"  # kinds of leftovers that an interrupted task must remove


class Scratch:
    """Runs scratch services, one at a time."""

    def __init__(
        self, *, clock: Clock, images: Images, instances: Instances, one_offs: set[str], store: Store, volumes: Volumes,
        runs: ServiceRuns,
    ) -> None:  # fmt: skip
        self._clock, self._images, self._instances, self._one_offs = clock, images, instances, one_offs
        self._store, self._volumes, self._runs = store, volumes, runs

    @asynccontextmanager
    async def service(self, item: BackupItem, notes: Notes) -> AsyncIterator[Service]:
        """Run a new service with the credentials and the image that the backed-up service has today.

        Apps cannot reach it. ``notes``: notes of the task that needs it. Raises BackupFailed (the service or its kind
        is unknown), ServiceFailed, RuntimeUnavailable, StoreUnavailable, and as pulling an image.
        """
        known = await self._known(item)
        volume = new_volume(known.key, "drill", self._clock.now())
        scratch = replace(known, generation=GENERATION, volume=volume.id, pending=None, copy_of="")
        debts = (f"{CONTAINER}:{scratch.container}", f"{VOLUME}:{volume.id}")
        for debt in debts:
            await notes.owe(debt)
        self._one_offs.add(scratch.container)
        try:
            scratch = await self._runs.fetch(scratch, scratch.image)
            spec = await self._runs.spec_of(scratch, is_linked=False)
            await self._instances.start(replace(spec, role=Role.RUN))
            await self._runs.prove(scratch)
            yield scratch
        finally:
            await self._remove(scratch, debts, notes)

    async def _remove(self, scratch: Service, debts: tuple[str, ...], notes: Notes) -> None:
        await self._instances.remove(scratch.container)
        self._one_offs.discard(scratch.container)
        await self._volumes.remove(scratch.volume)
        await self._images.release(scratch.key, scratch.generation)
        for debt in debts:
            await notes.paid(debt)

    async def _known(self, item: BackupItem) -> Service:
        services = await self._store.services()
        found = next((it for it in services if it.id == item.id), None)
        if found is None or item.service not in KINDS:
            raise BackupFailed(
                f"{item.title} was not proven", why="the service was deleted, with its credentials",
                next="`pvdify backups:run` makes a backup of the present data",
            )  # fmt: skip
        return found.at(ServiceState.STARTING, self._clock.now())
