"""Restores a service from a backup: into a new service, or, on request, in place of an existing service's data."""

from dataclasses import replace

from pvdify.engine.state.backups.restoring import RestorePlan
from pvdify.engine.state.backups.tools import Notes
from pvdify.engine.state.services.services import ServiceRequest, Services
from pvdify.errors import BackupFailed, BackupNotFound, InvalidError, ServiceBusy, ServiceExists, ServiceNotFound
from pvdify.model.backup import Backup, BackupItem, ItemKind, RestoreSubject
from pvdify.model.service import FROM_BACKUP, PASSWORD, Service, ServiceState, check_service_name, key_of
from pvdify.model.service_kinds import CUSTOM
from pvdify.model.token import PVDIFY
from pvdify.ports.clock import Clock
from pvdify.ports.secrets import Secrets
from pvdify.ports.store import Store
from pvdify.quantities import format_bytes, number_of

LOOK_EVERY = 0.5  # seconds between two checks of the service's record


async def plan_service_restore(store: Store, backup: Backup, wanted: RestoreSubject) -> RestorePlan:
    """Return the steps of a restore.

    Raises BackupNotFound, ServiceNotFound, ServiceExists, ServiceBusy, InvalidError, StoreUnavailable.
    """
    check_service_name(wanted.to)
    item = _item(backup, wanted.service)
    there = await _current(store, wanted.to)
    if there is None:
        image = item.image or (await _settings_of(store, item, wanted.service)).image
        steps = [f"make the service {wanted.to} with a password of its own, of {image}"]
    elif not wanted.replaces:
        raise ServiceExists(
            f"the service {wanted.service} was not restored",
            why=f"there is a service {wanted.to}, and a restore never writes over what is there",
            next="`--to NEW` restores beside it; `--replace` moves what it has to the trash",
        )
    elif there.is_busy:
        raise ServiceBusy(f"something is being done to {wanted.to} already", next=f"`pvdify services:info {wanted.to}`")
    else:
        _check_same_kind(item, there)
        apps = [link.app for link in await store.service_links(service=there.id)]
        is_away = apps and item.kind is ItemKind.SERVICE
        steps = [f"take {wanted.to} off the networks of its apps ({', '.join(apps)})"] if is_away else []
    steps.append(_filling(item))
    if there is not None and item.kind is ItemKind.VOLUME:
        steps.append(f"stop {wanted.to} and start it with the new volume")
    if there is not None:
        steps.append(f"move the volume that {wanted.to} has now to the trash, where it stays for 7 days")
    return RestorePlan(backup=backup, items=(item,), steps=tuple(steps))


class ServiceRestoring:
    """Requests restores of services and waits for them. The keeper of services does the work, even after a kill.

    Args:
        services: creates new services, and records orders for existing ones.
    """

    def __init__(self, *, clock: Clock, secrets: Secrets, services: Services, store: Store) -> None:
        self._clock, self._secrets, self._services, self._store = clock, secrets, services, store

    async def restore(self, notes: Notes, backup: Backup, wanted: RestoreSubject) -> None:
        """Restore the service and wait for the end. Raises BackupFailed, and as ``plan_service_restore``."""
        plan = await plan_service_restore(self._store, backup, wanted)
        (item,) = plan.items
        there = await _current(self._store, wanted.to)
        by = replace(PVDIFY, name=notes.task.created_by)
        if there is not None:
            await self._services.restore_data(wanted.to, backup.id, item.id, by)
            await self._in_place(there.id)
        else:
            known = await _known(self._store, item, wanted.service)
            source = f"{FROM_BACKUP}{backup.id}:{item.id}"
            request, of = await self._request(item, known), (known.data_name if known else "") or wanted.service
            made = await self._services.create(wanted.to, request, by, copy_of=source, data_name=of)
            await self._made(made.service, notes)
        await notes.say(f"{item.title}: restored as the service {wanted.to}")

    async def _in_place(self, id: str) -> None:
        while (service := await self._store.service(id)) is not None and service.pending is not None:
            await self._clock.sleep(LOOK_EVERY)
        if service is None or service.failure:
            raise BackupFailed(
                "the service was not restored", why=service.failure if service else "it was destroyed meanwhile",
                next="its data is unchanged; `pvdify services` shows it",
            )  # fmt: skip

    async def _made(self, made: Service, notes: Notes) -> None:
        """Wait until the service is live with its data. Raises BackupFailed."""
        while (service := await self._store.service(made.id)) is not None and not _is_ready(service):
            if service.problem or service.is_trashed:
                await self._services.destroy_unfilled(service, notes.task.created_by)
                raise BackupFailed(
                    f"the service {made.name} was not restored", why=service.problem or "it was destroyed meanwhile",
                    next="`pvdify backups` shows older backups; `--backup ID` chooses one",
                )  # fmt: skip
            await self._clock.sleep(LOOK_EVERY)

    async def _request(self, item: BackupItem, known: Service | None) -> ServiceRequest:
        """Return a request for a service like the backed-up one, with its settings if its record still exists."""
        if known is None:
            return ServiceRequest(kind=item.service, image=item.image)
        values = await self._secrets.read(known.key, known.config_version)
        own = {name: str(var.value) for name, var in values.items() if name != PASSWORD}
        return ServiceRequest(
            kind=known.kind, image=item.image or known.image, port=known.port, volume=known.path or None,
            environment=own, memory=known.memory, url=known.url,
        )  # fmt: skip


def _item(backup: Backup, service: str) -> BackupItem:
    """Return the dump of a service, or the volume of a service that has no dump. Raises BackupNotFound."""
    dumps = [it for it in backup.items if it.kind is ItemKind.SERVICE and it.name == service and it.snapshot]
    volumes = [it for it in backup.items if it.app == key_of(service) and it.snapshot]
    if not dumps and not volumes:
        raise BackupNotFound(
            f"the backup {backup.id} has neither a dump nor a volume of the service {service}",
            next=f"`pvdify backups {backup.id}` shows what it has; `pvdify backups` lists the others",
        )
    return (dumps or volumes)[0]


def _filling(item: BackupItem) -> str:
    counts = item.counts
    if item.kind is ItemKind.SERVICE:
        rows = (
            f", {number_of(counts.rows, 'row or key', 'rows or keys')}, {format_bytes(counts.bytes)}" if counts else ""
        )
        return f"restore the dump into a new volume and compare it{rows}"
    files = f": {number_of(counts.files, 'file')}, {format_bytes(counts.bytes)}" if counts else ""
    return f"restore its volume into a new one and compare it{files}"


async def _known(store: Store, item: BackupItem, name: str) -> Service | None:
    """Return the record of the service in the backup if it still exists, also in the trash."""
    if item.kind is ItemKind.SERVICE:
        return await store.service(item.id)
    services = [it for it in await store.services() if it.name == name and it.kind == CUSTOM]
    return max(services, key=lambda it: (it.volume == item.id, it.created_at), default=None)


async def _settings_of(store: Store, item: BackupItem, name: str) -> Service:
    """Return the record whose image and port a new service gets. Raises ServiceNotFound, StoreUnavailable."""
    known = await _known(store, item, name)
    if known is None:
        raise ServiceNotFound(
            f"the service {name} was not restored as a new one",
            why="the backup has its volume, and this server no longer knows its image and port",
            next=f"`pvdify services:create {name} --image IMAGE --port N --volume PATH`, then "
            f"`pvdify backups:restore --service {name} --replace`",
        )
    return known


def _check_same_kind(item: BackupItem, there: Service) -> None:
    """Raise InvalidError unless the service can hold the item."""
    kind = item.service if item.kind is ItemKind.SERVICE else CUSTOM
    if there.kind != kind:
        raise InvalidError(
            f"the service {there.name} was not replaced",
            why=f"it is of the kind {there.kind}, and the backup has one of the kind {kind}",
            next="`--to NEW` restores beside it",
        )
    if not there.volume:
        raise InvalidError(
            f"the service {there.name} was not replaced", why="it keeps no data: it was created without a volume",
            next="`--to NEW` restores beside it",
        )  # fmt: skip


def _is_ready(service: Service) -> bool:
    return service.state is ServiceState.LIVE and not service.copy_of


async def _current(store: Store, name: str) -> Service | None:
    services = await store.services()
    return next((it for it in services if it.name == name and not it.is_trashed), None)
