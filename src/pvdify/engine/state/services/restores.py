"""Restores of services from backups: apps are switched to a new container that has the data of the backup.

The old volume moves to the trash only after the new container was checked with the restored data. If the data of a
service is lost, as on a new server, the service is not started without data: the restore is retried until it succeeds.
"""

from dataclasses import replace
from typing import Protocol

from pvdify.engine.state.services.runs import ServiceRuns
from pvdify.engine.state.services.upgrades import CUT_SHORT, ServiceUpgrades
from pvdify.errors import NothingRuns, PvdifyError
from pvdify.model.action import Action
from pvdify.model.service import Order, Service, ServiceState, can_be_dumped
from pvdify.model.volume import new_volume
from pvdify.ports.clock import Clock
from pvdify.ports.images import Images
from pvdify.ports.instances import Instances
from pvdify.ports.private_networks import PrivateNetworks
from pvdify.ports.store import Store
from pvdify.ports.volumes import Volumes


class StoredData(Protocol):
    """The source of data for restores."""

    async def restore(self, service: Service, backup: str, source: str) -> None:
        """Restore the item of the backup whose dump or volume has the id ``source`` into a new service.

        A service with a dump has to run already; the volume of any other service is filled before it first runs.
        Raises PvdifyError.
        """
        ...


class ServiceRestores:
    """Carries out one restore at a time for each service."""

    def __init__(  # noqa: PLR0913 - one for each port and part
        self, *, clock: Clock, images: Images, instances: Instances, private_networks: PrivateNetworks, store: Store,
        volumes: Volumes, runs: ServiceRuns, upgrades: ServiceUpgrades, stored: StoredData,
    ) -> None:  # fmt: skip
        self._clock, self._images, self._instances = clock, images, instances
        self._private_networks, self._store, self._volumes = private_networks, store, volumes
        self._runs = runs
        self._upgrades = upgrades
        self._stored = stored

    async def carry_out(self, service: Service, order: Order) -> Service:
        """Restore the data and return the service. If the restore fails, the service has its old data and ``failure``.

        If the old data is lost, the order stays pending and is retried. Raises RuntimeUnavailable, StoreUnavailable.
        """
        if order.generation:  # an earlier daemon began the restore
            return await self._give_up(service, order, CUT_SHORT)
        made = new_volume(service.key, f"data-{service.generation + 1}", self._clock.now())
        new = replace(service, generation=service.generation + 1, volume=made.id, pending=None, copy_of="")
        begun = replace(order, generation=new.generation, volume=new.volume)
        filling = self._runs.now_in(replace(service, pending=begun), ServiceState.UPGRADING, service.problem)
        await self._store.save(filling, made)
        try:
            await self._fill(service, new, order)
        except PvdifyError as error:
            return await self._give_up(filling, begun, error.why or error.what)
        return await self._commit(service, new, order)

    async def _fill(self, service: Service, new: Service, order: Order) -> None:
        """Fill a new container or its volume, and stop the old container."""
        if can_be_dumped(service):
            await self._fill_container(service, new, order)
        else:
            await self._fill_volume(service, new, order)

    async def _fill_container(self, service: Service, new: Service, order: Order) -> None:
        """Start a new container without networks of apps, restore the dump into it, and stop the old container."""
        await self._take_off_networks(service)
        await self._runs.start(new, is_linked=False)
        await self._images.keep(new.image_id, new.key, new.generation)
        await self._runs.prove(new)
        await self._stored.restore(new, order.backup, order.source)
        await self._runs.prove(new)
        await self._instances.stop(service.container, service.row.stop_timeout)

    async def _fill_volume(self, service: Service, new: Service, order: Order) -> None:
        """Fill a new volume while the old container still runs; then stop it and start the new one."""
        await self._stored.restore(new, order.backup, order.source)
        await self._instances.stop(service.container, service.row.stop_timeout)
        await self._runs.start(new)
        await self._images.keep(new.image_id, new.key, new.generation)
        await self._runs.prove(new)

    async def _take_off_networks(self, service: Service) -> None:
        if not await self._instances.is_running(service.container):
            return
        for network in await self._runs.networks_of(service):
            try:
                await self._private_networks.disconnect(service.container, network)
            except NothingRuns:
                return

    async def _commit(self, service: Service, new: Service, order: Order) -> Service:
        text = f"from the backup {order.backup}"
        return await self._upgrades.commit(service, new, order, Action.SERVICE_DATA_RESTORED, text)

    async def _give_up(self, service: Service, order: Order, why: str) -> Service:
        if service.volume in await self._volumes.find():
            failure = f"it was not restored from the backup {order.backup}: {why}"
            return await self._upgrades.take_back(service, order, failure, Action.SERVICE_RESTORE_FAILED, why)
        await self._upgrades.remove_new(service, order)
        again = replace(order, generation=0, volume="")
        waiting = self._runs.now_in(replace(service, pending=again), ServiceState.DOWN, f"it has no data yet: {why}")
        if service.problem != waiting.problem:
            await self._runs.note(waiting, Action.SERVICE_RESTORE_FAILED, why, order.by)
        else:
            await self._store.save(waiting)
        return waiting
