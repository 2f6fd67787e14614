"""Dumps of services in backups, streamed to the target and back without a copy on this machine's disk."""

from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import replace

from pvdify.engine.state.backups.scratch import Scratch
from pvdify.engine.state.backups.tools import BackupTools, Work, labels_of
from pvdify.engine.state.services.data import ServiceData, StoredDump
from pvdify.engine.state.services.runs import ServiceRuns
from pvdify.errors import BackupDamaged
from pvdify.model.backup import SHRUNK, SMALL, BackupItem, Counts, ItemKind
from pvdify.model.service import Service, ServiceState, can_be_dumped
from pvdify.model.service_dump import ALL, Seal, read_tally
from pvdify.ports.store import Store
from pvdify.settings import Settings


async def dumped_services(store: Store) -> tuple[Service, ...]:
    """Return the services that are backed up by a dump. Raises StoreUnavailable."""
    return tuple(it for it in await store.services() if not it.is_trashed and can_be_dumped(it))


class Dumps:
    """Stores dumps of services for backups, and proves them for drills."""

    def __init__(
        self, *, data: ServiceData, runs: ServiceRuns, scratch: Scratch, settings: Settings, tools: BackupTools
    ) -> None:
        self._data, self._runs, self._scratch = data, runs, scratch
        self._settings, self._tools = settings, tools

    def blank(self, service: Service) -> BackupItem:
        """Return the item of a service, with nothing stored yet."""
        return BackupItem(
            kind=ItemKind.SERVICE, name=service.name, id=service.id, service=service.kind, image=service.image
        )

    async def store(self, work: Work, backup: str, service: Service) -> BackupItem:
        """Stream a dump to the target, and return its item, with ``problem`` if the dump is missing or too small.

        Raises ServiceFailed, NothingRuns, UnavailableError, and as storing.
        """
        data, item = self._data, self.blank(service)
        if service.state is not ServiceState.LIVE:
            why = service.problem or f"it is {service.state.value}"
            return replace(item, problem=f"no dump was made: {why}; `pvdify services:info {service.name}`")
        item = replace(item, version=await data.version(service))
        before = read_tally(await data.count(service))
        dump = data.sealed(service, item.version)
        labels = labels_of(self._settings.server_id, backup, item)
        async with aclosing(dump.pieces()) as pieces:
            kept = await self._tools.targets.store_stream(work.target, pieces, labels)
        if dump.seal is None:
            return replace(item, problem="the target took only a part of the dump")
        problem = _too_little(dump.seal, before)
        return replace(item, snapshot=kept.snapshot, added=kept.added, counts=counts_of(dump.seal), problem=problem)

    async def prove(self, work: Work, item: BackupItem) -> BackupItem:
        """Restore the dump into a scratch service and check it; return the item with the counts of the restored data.

        Raises BackupDamaged, BackupFailed, ServiceFailed, UnavailableError.
        """
        async with self._scratch.service(item, work.notes) as scratch:
            await check_version(self._data, scratch, item.version)
            stored = StoredDump(self._tools.targets.fetch_stream(work.target, item.snapshot))
            found = await self._data.restore_stored(scratch, stored)
            if why := await self._runs.ask(scratch):
                raise BackupDamaged(f"{item.title} does not answer after the restore", why=why)
        if stored.seal is None or stored.seal.kind != item.service:
            raise BackupDamaged(f"{item.title} is not what was stored", why=f"it is a dump of {stored.seal}")
        return replace(item, counts=counts_of(stored.seal, found))


async def check_version(data: ServiceData, service: Service, version: str) -> None:
    """Raise BackupDamaged if the dump was made by a newer major version than the service runs."""
    runs = await data.version(service)
    if version and runs and int(version) > int(runs):
        raise BackupDamaged(
            f"the dump of the service {service.name} cannot be restored",
            why=f"it is of version {version} of {service.kind}, and {service.image} has {runs}",
            next=f"`pvdify services:upgrade {service.name} --image IMAGE` with version {version} or newer",
        )


def counts_of(seal: Seal, found: Mapping[str, int] | None = None) -> Counts:
    """Return the counts of a dump; with ``found``, the counts of the service that it was restored to."""
    tally = seal.tally if found is None else {it: rows for it, rows in found.items() if it in seal.tally}
    if found is not None and ALL in seal.tally:
        tally = found
    return Counts(files=1, bytes=seal.bytes, databases=len(tally), rows=sum(tally.values()))


def _too_little(seal: Seal, before: Mapping[str, int]) -> str:
    """Return a problem if the dump has far fewer rows than were counted right before it, else "".

    Some rows may be deleted between the count and the dump, but not most of them.
    """
    rows = sum(before.values())
    if rows >= SMALL and seal.rows * SHRUNK < rows:
        return f"the dump has {seal.rows} rows, and the service had {rows} right before it"
    return ""
