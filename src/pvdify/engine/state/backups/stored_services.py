"""Restores the data of services from the backup target: a dump, or the volume of a service that has no dump."""

from pvdify.engine.state.backups.dumps import check_version
from pvdify.engine.state.backups.tools import BackupTools, fill_volume, item_of, plan_of, target_of
from pvdify.engine.state.services.data import ServiceData, StoredDump
from pvdify.errors import BackupNotFound
from pvdify.model.backup import BackupItem, ItemKind
from pvdify.model.service import Service, can_be_dumped
from pvdify.ports.backups import BackupTarget
from pvdify.ports.credentials import Credentials
from pvdify.ports.store import Store


class StoredServices:
    """Restores what backups have of services."""

    def __init__(self, *, credentials: Credentials, data: ServiceData, store: Store, tools: BackupTools) -> None:
        self._credentials, self._data, self._store, self._tools = credentials, data, store, tools

    async def restore(self, service: Service, backup: str, source: str) -> None:
        """Restore an item of this backup into a new, empty service.

        ``source``: the id of the service that was dumped, or of the volume that was copied. A service with a dump has
        to run; a volume is filled before the service runs for the first time.

        Raises BackupNotFound, BackupDamaged, BackupFailed, ServiceFailed, VolumeExists, UnavailableError.
        """
        target = await target_of(self._credentials, await plan_of(self._store))
        is_dump = can_be_dumped(service)
        item = await self._find(target, service, backup, source, ItemKind.SERVICE if is_dump else ItemKind.VOLUME)
        if not is_dump:
            await fill_volume(self._tools, target, item, service.key, service.volume)
            return
        await check_version(self._data, service, item.version)
        await self._data.restore_stored(service, StoredDump(self._tools.targets.fetch_stream(target, item.snapshot)))

    async def _find(
        self, target: BackupTarget, service: Service, backup: str, source: str, kind: ItemKind
    ) -> BackupItem:  # fmt: skip
        labels = {"backup": backup, "id": source, "kind": kind.value}
        found = [it for it in await self._tools.targets.list(target) if labels.items() <= dict(it.labels).items()]
        item = item_of(found[-1]) if found else None
        if item is None:
            raise BackupNotFound(
                f"the backup {backup} has no data of the service {service.name}", next="`pvdify backups` lists them"
            )
        return item
