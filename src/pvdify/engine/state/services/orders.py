"""Orders for services: restart, new password, destroy. Upgrades and restores are in their own modules."""

from collections.abc import Iterable
from dataclasses import replace

import structlog

from pvdify.engine.state.services.restores import ServiceRestores
from pvdify.engine.state.services.runs import ServiceRuns
from pvdify.engine.state.services.upgrades import ServiceUpgrades
from pvdify.errors import PvdifyError
from pvdify.model.action import Action
from pvdify.model.service import PASSWORD, Order, OrderKind, Service, ServiceState
from pvdify.model.token import PVDIFY
from pvdify.model.volume import AppVolume
from pvdify.ports.clock import Clock
from pvdify.ports.images import Images
from pvdify.ports.instance_logs import InstanceLogs
from pvdify.ports.networks import Networks
from pvdify.ports.private_networks import PrivateNetworks
from pvdify.ports.secrets import Secrets
from pvdify.ports.store import Store
from pvdify.ports.volumes import Volumes
from pvdify.settings import Settings

log = structlog.get_logger()


class ServiceOrders:
    """Carries out orders. An order stays recorded until it is done, and every part of it can be repeated."""

    def __init__(  # noqa: PLR0913 - one for each port and part
        self, *, clock: Clock, images: Images, instance_logs: InstanceLogs, networks: Networks,
        private_networks: PrivateNetworks, secrets: Secrets, settings: Settings, store: Store, volumes: Volumes,
        upgrades: ServiceUpgrades, restores: ServiceRestores, runs: ServiceRuns,
    ) -> None:  # fmt: skip
        self._clock, self._images, self._instance_logs = clock, images, instance_logs
        self._networks, self._private_networks, self._secrets = networks, private_networks, secrets
        self._settings, self._store, self._volumes, self._upgrades = settings, store, volumes, upgrades
        self._restores = restores
        self._runs = runs

    async def carry_out(self, service: Service) -> Service | None:
        """Carry out the pending order; return the service afterwards, or None if it was purged.

        The caller holds the service's lock. Raises RuntimeUnavailable, StoreUnavailable, SecretsLocked; the order then
        stays pending and is retried.
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
        due = self._clock.now() - self._settings.trash
        if service.trashed_at is not None and service.trashed_at <= due:
            await self.purge(service, PVDIFY.name)

    async def purge(self, service: Service, by: str) -> None:
        """Delete a service with its data, credentials, image and logs. Can be repeated. Raises PvdifyError."""
        for volume in await self._volumes_of(service):
            await self._volumes.remove(volume.id)
            await self._store.forget_volume(volume.id)
        await self._images.release(service.key, service.generation)
        others = [it for it in await self._store.services() if it.name == service.name and it.id != service.id]
        if not others:
            await self._networks.remove(service.key)  # a cluster keeps the namespace while a volume is in it
            await self._instance_logs.forget(service.key)
            # before the secrets are removed: without them, the text of the event cannot be searched for secrets
            await self._store.delete_app(service.key, self._runs.event(service, Action.SERVICE_PURGED, by=by))
            await self._secrets.remove(service.key)
        await self._store.forget_service(service.id)

    async def _restart(self, service: Service, order: Order) -> Service:
        await self._runs.stop(service)
        try:
            await self._runs.start(service)
        except PvdifyError as error:  # the keeper tries again, with its back-off
            log.warning("service.not_started", service=service.name, code=error.code, what=error.what, why=error.why)
        restarted = self._runs.now_in(replace(service, pending=None), ServiceState.STARTING)
        await self._runs.note(restarted, Action.SERVICE_RESTARTED, "was requested", order.by)
        return restarted

    async def _rotate(self, service: Service, order: Order) -> Service:
        """Set the new password in the running service. Apps get it with their next deploy or restart."""
        values = await self._secrets.read(service.key, order.version)
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
        """Stop the service, remove its links and networks, and move its data to the trash or delete it."""
        now = self._clock.now()
        for generation in (service.generation, order.generation):
            if generation:
                await self._runs.stop(replace(service, generation=generation))
        for link in await self._store.service_links(service=service.id):
            await self._store.forget_service_link(service.id, link.app)
            await self._private_networks.remove(link.network.id)
        await self._networks.remove(service.key)
        volumes = [it for it in await self._volumes_of(service) if not it.is_trashed]
        trashed = [replace(it, trashed_at=now, trashed_by=order.by) for it in volumes]
        gone = replace(service, pending=None, copy_of="", trashed_at=now, trashed_by=order.by)
        gone = self._runs.now_in(gone, ServiceState.TRASH)
        await self._store.save(gone, *trashed, self._runs.event(service, Action.SERVICE_DESTROYED, by=order.by))
        if order.purges:
            await self.purge(gone, order.by)
            return None
        return gone

    async def _volumes_of(self, service: Service) -> Iterable[AppVolume]:
        """Return the volumes of this service, without those of earlier or later services of the same name."""
        volumes = await self._store.volumes(service.key)
        later = [it.created_at for it in await self._store.services() if it.name == service.name]
        after = min((at for at in later if at > service.created_at), default=None)
        return [
            it for it in volumes if it.created_at >= service.created_at and (after is None or it.created_at < after)
        ]
