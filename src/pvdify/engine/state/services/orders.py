"""Carrying out what was asked of a service: restart, new password, destroy; upgrades have a file of their own."""

from collections.abc import Iterable
from dataclasses import replace

from pvdify.engine.state.services.restores import ServiceRestores, StoredData
from pvdify.engine.state.services.runs import ServiceRuns
from pvdify.engine.state.services.upgrades import ServiceUpgrades
from pvdify.engine.world import World
from pvdify.errors import PvdifyError
from pvdify.model.action import Action
from pvdify.model.service import PASSWORD, Order, OrderKind, Service, ServiceState
from pvdify.model.token import PVDIFY
from pvdify.model.volume import AppVolume


class ServiceOrders:
    """Each order is on record until it is done, and doing a part of it again does no harm."""

    def __init__(self, world: World, runs: ServiceRuns, dumps: StoredData) -> None:
        self._world = world
        self._runs = runs
        self._upgrades = ServiceUpgrades(world, runs)
        self._restores = ServiceRestores(world, runs, self._upgrades, dumps)

    async def carry_out(self, service: Service) -> Service | None:
        """Return the service as it is then; None if nothing of it is left. Under the service's lock.

        Raises RuntimeUnavailable, StoreUnavailable, SecretsLocked: the order stays, and is tried again.
        """
        order = service.pending
        match order:
            case Order(kind=OrderKind.RESTART):
                return await self._restart(service, order)
            case Order(kind=OrderKind.ROTATE):
                return await self._rotate(service, order)
            case Order(kind=OrderKind.UPGRADE):
                return await self._upgrades.carry_out(service, order)
            case Order(kind=OrderKind.RESTORE):
                return await self._restores.carry_out(service, order)
            case Order(kind=OrderKind.DESTROY):
                return await self._destroy(service, order)
        return service

    async def purge_if_due(self, service: Service) -> None:
        """Delete a service that has been in the trash for as long as the setting ``trash`` says. Raises PvdifyError."""
        due = self._world.clock.now() - self._world.settings.trash
        if service.trashed_at is not None and service.trashed_at <= due:
            await self.purge(service, PVDIFY.name)

    async def purge(self, service: Service, by: str) -> None:
        """Delete a service with its data, credentials, image and logs. Raises PvdifyError; doing it again is fine."""
        world = self._world
        for volume in await self._volumes_of(service):
            await world.volumes.remove(volume.id)
            await world.store.forget_volume(volume.id)
        await world.images.release(service.key, service.generation)
        others = [it for it in await world.store.services() if it.name == service.name and it.id != service.id]
        if not others:
            await world.secrets.remove(service.key)
            await world.instance_logs.forget(service.key)
            await world.store.delete_app(service.key, self._runs.event(service, Action.SERVICE_PURGED, by=by))
        await world.store.forget_service(service.id)

    async def _restart(self, service: Service, order: Order) -> Service:
        await self._runs.stop(service)
        await self._runs.start(service)
        restarted = self._runs.now_in(replace(service, pending=None), ServiceState.STARTING)
        await self._runs.note(restarted, Action.SERVICE_RESTARTED, "was asked for", order.by)
        return restarted

    async def _rotate(self, service: Service, order: Order) -> Service:
        """Give the running service its new password; apps get it with their next deploy or restart."""
        values = await self._world.secrets.read(service.key, order.version)
        password = f"{values[PASSWORD].value}\n".encode()
        try:
            await self._runs.commands.ask(service, service.row.rotate or (), stdin=password)
        except PvdifyError as error:
            kept = replace(service, pending=None, failure=f"the password was not changed: {error.why or error.what}")
            await self._runs.note(kept, Action.SERVICE_ROTATION_FAILED, error.why or error.what, order.by)
            return kept
        rotated = replace(service, pending=None, config_version=order.version)
        await self._runs.note(rotated, Action.SERVICE_ROTATED, by=order.by)
        await self._runs.refresh(rotated)
        return rotated

    async def _destroy(self, service: Service, order: Order) -> Service | None:
        """Stop it, and move its data to the trash or delete it."""
        world, now = self._world, self._world.clock.now()
        for generation in (service.generation, order.generation):
            if generation:
                await self._runs.stop(replace(service, generation=generation))
        for link in await world.store.service_links(service=service.id):
            await world.store.forget_service_link(service.id, link.app)
            await world.private_networks.remove(link.network.id)
        await world.networks.remove(service.key)
        volumes = [it for it in await self._volumes_of(service) if not it.is_trashed]
        trashed = [replace(it, trashed_at=now, trashed_by=order.by) for it in volumes]
        gone = replace(service, pending=None, copy_of="", trashed_at=now, trashed_by=order.by)
        gone = self._runs.now_in(gone, ServiceState.TRASH)
        await world.store.save(gone, *trashed, self._runs.event(service, Action.SERVICE_DESTROYED, by=order.by))
        if order.purges:
            await self.purge(gone, order.by)
            return None
        return gone

    async def _volumes_of(self, service: Service) -> Iterable[AppVolume]:
        """The volumes of this service and none of an earlier one of the same name."""
        volumes = await self._world.store.volumes(service.key)
        later = [it.created_at for it in await self._world.store.services() if it.name == service.name]
        after = min((at for at in later if at > service.created_at), default=None)
        return [
            it for it in volumes if it.created_at >= service.created_at and (after is None or it.created_at < after)
        ]
