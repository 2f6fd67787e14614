"""Makes one backup: a dump of each service, every other volume, then the server's own data, which makes it complete."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import structlog

from pvdify.engine.running.environment import Environments
from pvdify.engine.running.specs import hook_spec
from pvdify.engine.state.backups.dumps import Dumps, dumped_services
from pvdify.engine.state.backups.tools import DATA, BackupTools, Work, labels_of
from pvdify.engine.world.concurrency import Locks
from pvdify.errors import BackupFailed, NotEnoughDisk, PvdifyError
from pvdify.model.backup import Backup, BackupItem, BackupState, ItemKind
from pvdify.model.instance import Exit
from pvdify.model.service import Service, is_of_service
from pvdify.model.volume import AppVolume
from pvdify.ports.clock import Clock
from pvdify.ports.instance_logs import InstanceLogs
from pvdify.ports.instances import Instances
from pvdify.ports.store import Store
from pvdify.ports.volumes import Volumes
from pvdify.quantities import format_bytes, number_of
from pvdify.settings import Settings
from pvdify.timing import first_of

log = structlog.get_logger()
SERVER = "server"
BEFORE, AFTER = "backup_before", "backup_after"


class Making:
    """Makes a backup item by item. Each item is recorded as soon as it is stored."""

    def __init__(  # noqa: PLR0913 - one for each port and part
        self, *, clock: Clock, instance_logs: InstanceLogs, instances: Instances, locks: Locks, one_offs: set[str],
        settings: Settings, store: Store, volumes: Volumes, dumps: Dumps, environments: Environments,
        tools: BackupTools,
    ) -> None:  # fmt: skip
        self._clock, self._instance_logs, self._instances = clock, instance_logs, instances
        self._locks, self._one_offs, self._settings, self._store = locks, one_offs, settings, store
        self._volumes, self._dumps, self._environments = volumes, dumps, environments
        self._tools = tools

    async def make(self, work: Work, backup: Backup) -> Backup:
        """Make all items and return the backup. If an item fails, its problem is recorded and the next one is made.

        Raises StoreUnavailable; the backup then stays recorded as running.
        """
        dumped = await dumped_services(self._store)
        for service in dumped:
            backup = await self._add(work, backup, await self._dump(work, backup, service))
        volumes = await self._volumes_to_copy(dumped)
        stored = await self._volumes.find()
        for volume in volumes:
            if volume.id in stored:
                backup = await self._add(work, backup, await self._attempt(work, backup, self._blank(volume), volume))
            elif await self._had(volume):
                gone = replace(
                    self._blank(volume), problem="the server no longer has this volume, and an earlier backup does"
                )
                backup = await self._add(work, backup, gone)
        server = BackupItem(kind=ItemKind.SERVER, name=SERVER)
        backup = await self._add(work, backup, await self._attempt(work, backup, server, None))
        return self._ended(backup)

    async def _volumes_to_copy(self, dumped: Sequence[Service]) -> list[AppVolume]:
        """Return the volumes outside the trash, without those of dumped services and those being filled."""
        keys = {it.key for it in dumped}
        current = {it.volume for it in await self._store.services()}
        return [
            it for it in await self._store.volumes()
            if not it.is_trashed and it.app not in keys and (it.id in current or not is_of_service(it.app))
        ]  # fmt: skip

    async def _dump(self, work: Work, backup: Backup, service: Service) -> BackupItem:
        try:
            return await self._dumps.store(work, backup.id, service)
        except PvdifyError as error:
            return _failed(self._dumps.blank(service), error)

    async def run_after(self, app: str) -> None:
        """Run the app's command ``backup.after``, if it has one. Raises BackupFailed, UnavailableError."""
        live = await self._store.active_release(app)
        if live is not None and live.manifest.backup.after is not None:
            await self._hook(app, AFTER)

    def _blank(self, volume: AppVolume) -> BackupItem:
        return BackupItem(kind=ItemKind.VOLUME, app=volume.app, name=volume.name, id=volume.id)

    async def _had(self, volume: AppVolume) -> bool:
        return any(item.id == volume.id for it in await self._store.backups() for item in it.items)

    async def _add(self, work: Work, backup: Backup, item: BackupItem) -> Backup:
        backup = replace(backup, items=(*backup.items, item))
        await self._store.save(backup)
        await work.notes.say(f"{item.title}: {item.problem or _summary_of(item)}")
        return backup

    async def _attempt(self, work: Work, backup: Backup, item: BackupItem, volume: AppVolume | None) -> BackupItem:
        name = item.id or item.name
        try:
            try:
                return await self._store_item(work, backup, item, volume, name)
            finally:
                await self._tools.files.end(name)
        except PvdifyError as error:
            return _failed(item, error)

    async def _store_item(
        self, work: Work, backup: Backup, item: BackupItem, volume: AppVolume | None, name: str
    ) -> BackupItem:
        files = self._tools.files
        directory = await files.begin(name)
        held = 0.0
        if volume is None:
            await files.collect_server(directory)
        else:
            await self._check_disk(volume)
            held = await self._copy(work, volume, directory)
        counted = await files.count(directory)
        item = replace(item, counts=counted.counts, held=round(held, 3))
        labels = labels_of(self._settings.server_id, backup.id, item)
        kept = await self._tools.targets.store(work.target, directory, labels)
        # damaged data is stored as well: it may be the only copy
        return replace(item, snapshot=kept.snapshot, added=kept.added, problem="; ".join(counted.damage))

    async def _check_disk(self, volume: AppVolume) -> None:
        size, free = await self._volumes.size(volume.id), await self._tools.files.free()
        if size is not None and free - size < self._settings.min_free_disk:
            raise NotEnoughDisk(
                f"the volume {volume.name} of {volume.app} was not copied",
                why=f"a copy needs {format_bytes(size)} for a while, and {format_bytes(free)} are free",
                next="make room on the server's disk (`pvdify status` shows what images take)",
            )

    async def _copy(self, work: Work, volume: AppVolume, directory: Path) -> float:
        """Copy the volume's content; return for how many seconds the app was frozen.

        An app with ``backup`` commands is not frozen. Any other app is frozen while files that changed since a first
        copy are copied again; no operation of the app begins meanwhile.
        """
        live = await self._store.active_release(volume.app)
        hooks = live.manifest.backup if live else None
        if hooks is None or not hooks.is_set:
            lock = self._locks.instances(volume.app)
            return await self._tools.copies.copy_out(volume.id, directory / DATA, while_frozen=lock)
        debt = f"hook:{volume.app}"
        await work.notes.owe(debt)
        try:
            if hooks.before is not None:
                await self._hook(volume.app, BEFORE)
            return await self._tools.copies.copy_out(volume.id, directory / DATA, while_frozen=None)
        finally:
            await self.run_after(volume.app)
            await work.notes.paid(debt)

    async def _hook(self, app: str, moment: str) -> None:
        """Run ``backup.before`` or ``backup.after`` of the app and wait for its end.

        Raises BackupFailed, UnavailableError.
        """
        live = await self._store.active_release(app)
        if live is None:
            return
        command = live.manifest.backup.before if moment == BEFORE else live.manifest.backup.after
        if command is None:
            return
        spec = hook_spec(live, moment, 1, command, await self._environments.of(live), {}, "")
        self._one_offs.add(spec.name)
        try:
            await self._instances.remove(spec.name)
            await self._instances.start(spec)
            how = await self._before_deadline(spec.name, live.manifest.hooks.timeout)
            if how is None or how.code != 0:
                said = "; ".join(line.text for line in await self._instance_logs.tail([spec.name], 5))
                late = f"did not end within {live.manifest.hooks.timeout:g} s (`hooks.timeout`)"
                raise BackupFailed(
                    f"`backup.{moment.removeprefix('backup_')}` of {app} {f'ended with {how}' if how else late}",
                    why=f"its last lines: {said or 'none'}", next=f"correct it in pvdify.yml and deploy {app}",
                )  # fmt: skip
        finally:
            await self._instances.remove(spec.name)
            self._one_offs.discard(spec.name)

    async def _before_deadline(self, name: str, seconds: float) -> Exit | None:
        """Return how the container ended, or None after this many seconds."""
        ended, _ = await first_of(self._instances.wait(name), self._clock.sleep(seconds))
        return ended

    def _ended(self, backup: Backup) -> Backup:
        failed = [item for item in backup.items if item.problem]
        server = backup.items[-1]
        is_stored = bool(server.snapshot)
        state = BackupState.STORED if not failed else BackupState.INCOMPLETE if is_stored else BackupState.FAILED
        cause = "; ".join(f"{item.title}: {item.problem}" for item in failed)
        return replace(backup, state=state, cause=cause, ended_at=self._clock.now())


def _failed(item: BackupItem, error: PvdifyError) -> BackupItem:
    log.warning("backup.item_failed", item=item.title, code=error.code, what=error.what, why=error.why)
    return replace(item, problem=f"{error.what}: {error.why}" if error.why else error.what)


def _summary_of(item: BackupItem) -> str:
    counts = item.counts
    if counts is None:
        return "stored"
    if item.kind is ItemKind.SERVICE:
        what = f"{number_of(counts.rows, 'row or key', 'rows or keys')} in {number_of(counts.databases, 'table')}"
        return f"{what}, {format_bytes(counts.bytes)}; {format_bytes(item.added)} sent"
    databases = number_of(counts.databases, "SQLite database")
    rows = f", {number_of(counts.rows, 'row')} in {databases}" if counts.databases else ""
    held = f"; the app stood still for {item.held:.2f} s" if item.held else ""
    return (
        f"{number_of(counts.files, 'file')}, {format_bytes(counts.bytes)}{rows}; {format_bytes(item.added)} sent{held}"
    )
