"""Upgrades of services: the old container is replaced by a new one with its own volume.

The new program never opens the old volume. The data is copied, or dumped and restored if the major version changes.
After the new container was checked with the data, the old volume moves to the trash, and is deleted after the setting
``trash``. If anything fails before, the old container is started again with its unchanged volume.
"""

import asyncio
from dataclasses import replace

from pvdify.engine.state.services.data import ServiceData
from pvdify.engine.state.services.runs import ServiceRuns
from pvdify.errors import PvdifyError, ServiceFailed
from pvdify.model.action import Action
from pvdify.model.service import Order, Service, ServiceState, major_of, version_spec
from pvdify.model.volume import new_volume
from pvdify.ports.clock import Clock
from pvdify.ports.images import Images
from pvdify.ports.instance_logs import InstanceLogs
from pvdify.ports.instances import Instances
from pvdify.ports.private_networks import PrivateNetworks
from pvdify.ports.store import Store
from pvdify.ports.volumes import Volumes
from pvdify.timing import first_of

VERSION_WITHIN = 60.0  # seconds; an unrelated image may run forever instead of printing a version
CUT_SHORT = "pvdify was stopped in the middle of it"


class ServiceUpgrades:
    """Carries out one upgrade at a time for each service."""

    def __init__(  # noqa: PLR0913 - one for each port and part
        self, *, clock: Clock, images: Images, instance_logs: InstanceLogs, instances: Instances, one_offs: set[str],
        private_networks: PrivateNetworks, store: Store, volumes: Volumes, data: ServiceData, runs: ServiceRuns,
    ) -> None:  # fmt: skip
        self._clock, self._images, self._instance_logs = clock, images, instance_logs
        self._instances, self._one_offs, self._private_networks = instances, one_offs, private_networks
        self._store, self._volumes, self._data = store, volumes, data
        self._runs = runs

    async def carry_out(self, service: Service, order: Order) -> Service:
        """Upgrade the service and return it. If the upgrade fails, the service is unchanged except for ``failure``.

        Raises RuntimeUnavailable, StoreUnavailable.
        """
        if order.generation:  # an earlier daemon began the upgrade
            return await self._give_up(service, order, CUT_SHORT)
        try:
            new, is_moved = await self._prepared(service, order)
        except PvdifyError as error:
            await self._images.release(service.key, service.generation + 1)
            return await self._refused(service, order, error.why or error.what)
        begun = replace(order, generation=new.generation, volume=new.volume)
        upgrading = self._runs.now_in(replace(service, pending=begun), ServiceState.UPGRADING)
        made = new_volume(service.key, f"data-{new.generation}", self._clock.now())
        volume = (replace(made, id=new.volume),) if new.volume else ()
        await self._store.save(upgrading, *volume)
        try:
            await (self._move(service, new) if is_moved else self._hand_over(service, new))
        except PvdifyError as error:
            return await self._give_up(upgrading, begun, error.why or error.what)
        how = "dumped and restored" if is_moved else "copied"
        text = f"from {service.image} to {new.image}, its data {how}" if service.volume else f"to {new.image}"
        return await self.commit(service, new, order, Action.SERVICE_UPGRADED, text)

    async def is_moved(self, service: Service, new: Service) -> bool:
        """Return whether the data must be dumped and restored: the major version changes.

        Raises ServiceFailed, RuntimeUnavailable.
        """
        row = service.row
        if not row.is_moved or row.version is None:
            return False
        before = major_of(await self._runs.commands.ask(service, row.version))
        after = major_of(await self._version_of(new))
        if not before or not after:
            raise ServiceFailed(
                f"the version of {new.image} is unknown",
                why="the image does not report it",
                next="name an image of this kind",
            )
        if int(after) < int(before):
            raise ServiceFailed(
                f"{service.name} was not changed to {new.image}",
                why=f"it has version {after}, older than {before}, which cannot be relied on to read newer data",
                next="create a second service and move the data yourself",
            )
        return before != after

    async def _prepared(self, service: Service, order: Order) -> tuple[Service, bool]:
        """Pull the image; return the upgraded service and whether its data must be dumped and restored.

        The running container is not changed.
        """
        generation = service.generation + 1
        new = await self._runs.fetch(replace(service, generation=generation, pending=None), order.image)
        is_moved = await self.is_moved(service, new)
        if not service.volume:
            return new, False
        size = await self._volumes.size(service.volume) or 0
        await self._runs.check_room(service, size)
        volume = new_volume(service.key, f"data-{generation}", self._clock.now())
        return replace(new, volume=volume.id), is_moved

    async def _hand_over(self, service: Service, new: Service) -> None:
        """Stop the old container, and start the new container with a copy of the data."""
        await self._instances.stop(service.container, service.row.stop_timeout)
        if service.volume:
            await self._volumes.copy(service.volume, new.volume, service.key)
        await self._runs.start(new)
        await self._runs.prove(new)

    async def _move(self, service: Service, new: Service) -> None:
        """Disconnect the old container from the apps' networks, and restore a dump of its data into the new container.

        Then compare the counts, and stop the old container.
        """
        for network in await self._runs.networks_of(service):
            await self._private_networks.disconnect(service.container, network)
        await self._runs.start(new, is_linked=False)
        await self._runs.prove(new)
        await self._data.restore(new, self._data.dump(service))
        before, after = await self._data.count(service), await self._data.count(new)
        if before != after:
            raise ServiceFailed(
                f"the data of {service.name} is not the same after the restore",
                why=f"before: {before[:200]}; after: {after[:200]}",
            )
        await self._instances.stop(service.container, service.row.stop_timeout)

    async def commit(self, service: Service, new: Service, order: Order, action: Action, text: str) -> Service:
        """Record the new container as live, move the old volume to the trash, and remove the old container.

        Raises PvdifyError.
        """
        now = self._clock.now()
        old = [it for it in await self._store.volumes(service.key) if it.id == service.volume]
        kept = [replace(it, trashed_at=now, trashed_by=order.by) for it in old if not it.is_trashed]
        live = replace(self._runs.now_in(new, ServiceState.LIVE), pending=None)
        await self._store.save(live, *kept, self._runs.event(live, action, text, order.by))
        await self._instances.remove(service.container)
        await self._images.release(service.key, service.generation)
        await self._runs.refresh(live)
        return live

    async def _give_up(self, service: Service, order: Order, why: str) -> Service:
        failure = f"it was not upgraded to {order.image}: {why}"
        return await self.take_back(service, order, failure, Action.SERVICE_UPGRADE_FAILED, why)

    async def take_back(self, service: Service, order: Order, failure: str, action: Action, why: str) -> Service:
        """Remove the new container, volume and image, and start the old container again. Raises PvdifyError."""
        await self.remove_new(service, order)
        await self._runs.start(service)
        await self._runs.refresh(service)
        kept = replace(self._runs.now_in(service, ServiceState.STARTING, service.problem), pending=None)
        kept = replace(kept, failure=failure)
        await self._runs.note(kept, action, why, order.by)
        return kept

    async def remove_new(self, service: Service, order: Order) -> None:
        """Remove the container, volume and image that the order has created. Raises PvdifyError."""
        new = replace(service, generation=order.generation)
        await self._instances.remove(new.container)
        if order.volume and order.volume != service.volume:
            await self._volumes.remove(order.volume)
            await self._store.forget_volume(order.volume)
        await self._images.release(service.key, order.generation)

    async def _refused(self, service: Service, order: Order, why: str) -> Service:
        failure = f"it was not upgraded to {order.image}: {why}"
        kept = replace(service, pending=None, failure=failure)
        await self._runs.note(kept, Action.SERVICE_UPGRADE_FAILED, why, order.by)
        return kept

    async def _version_of(self, new: Service) -> str:
        """Run the version command of the new image in a one-off container, and return its output."""
        spec = version_spec(new)
        name = spec.name
        supervisor, ended, lines = self._instances, asyncio.Event(), list[str]()
        self._one_offs.add(name)
        try:
            await supervisor.start(spec)
            await first_of(supervisor.wait(name), self._clock.sleep(VERSION_WITHIN))
            ended.set()
            async for batch in self._instance_logs.output(name, ended):
                lines += [line.text for line in batch]
        finally:
            await supervisor.remove(name)
            self._one_offs.discard(name)
        return "\n".join(lines)
