"""Restores volumes of an app from a backup into new volumes. Existing volumes are never overwritten.

If the volumes are restored to another app without config vars, the config vars of the backup are restored, too,
secrets included.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from pvdify.engine.state.backups.tools import BackupTools, Work, event, fill_volume
from pvdify.engine.world.concurrency import Locks
from pvdify.engine.world.runtimes import check_not_moving, runtime_of_new_slot
from pvdify.errors import BackupNotFound, VolumeExists, VolumeInUse
from pvdify.model.action import Action
from pvdify.model.app import App
from pvdify.model.backup import Backup, BackupItem, ItemKind, RestoreSubject
from pvdify.model.config import ConfigVar, ConfigVersion
from pvdify.model.instance import InstanceState
from pvdify.model.runtime_choice import are_apart
from pvdify.model.volume import AppVolume, new_volume
from pvdify.ports.clock import Clock
from pvdify.ports.instances import Instances
from pvdify.ports.secrets import Secrets
from pvdify.ports.store import Store
from pvdify.quantities import format_bytes, number_of
from pvdify.settings import Settings

CONFIG = "restore-config"  # the scratch directory for the server's own data


@dataclass(frozen=True, kw_only=True)
class RestorePlan:
    """The steps of a restore, as text."""

    backup: Backup
    items: tuple[BackupItem, ...]
    steps: tuple[str, ...]


async def plan_restore(store: Store, instances: Instances, backup: Backup, wanted: RestoreSubject) -> RestorePlan:
    """Return the steps of a restore. Raises BackupNotFound, VolumeExists, VolumeInUse, StoreUnavailable."""
    items = _items(backup, wanted)
    there = {it.name: it for it in await store.volumes(wanted.to) if not it.is_trashed}
    steps = [f"make the app {wanted.to}"] if await store.app(wanted.to) is None else []
    for item in items:
        live = there.get(item.name)
        if live is not None and not wanted.replaces:
            raise VolumeExists(
                f"the volume {item.name} of {wanted.to} was not restored",
                why=f"{wanted.to} has a volume {item.name}, and a restore never writes over what is there",
                next="`--to NEWAPP` restores beside it; `--replace` moves it to the trash",
            )
        if live is not None:
            await _check_free(instances, wanted.to)
            steps.append(f"move the volume {item.name} of {wanted.to} to the trash, where it stays for 7 days")
        size = f": {number_of(item.counts.files, 'file')}, {format_bytes(item.counts.bytes)}" if item.counts else ""
        steps.append(f"restore the volume {item.name} of {wanted.to}{size}")
    if await _gets_config(store, wanted):
        steps.append(f"set the config vars of {wanted.to} to those that {wanted.app} has in the backup")
    return RestorePlan(backup=backup, items=items, steps=tuple(steps))


class Restoring:
    """Restores volumes of apps."""

    def __init__(
        self, *, clock: Clock, instances: Instances, locks: Locks, secrets: Secrets, settings: Settings, store: Store,
        tools: BackupTools,
    ) -> None:  # fmt: skip
        self._clock, self._instances, self._locks, self._secrets = clock, instances, locks, secrets
        self._settings, self._store = settings, store
        self._tools = tools

    async def restore(self, work: Work, backup: Backup, wanted: RestoreSubject) -> None:
        """Restore each volume into a new one and compare it; then put all of them in place in one transaction."""
        plan = await plan_restore(self._store, self._instances, backup, wanted)
        made: list[AppVolume] = []
        runtime = await runtime_of_new_slot(self._store, self._settings, wanted.to)
        for item in plan.items:
            volume = new_volume(wanted.to, item.name, self._clock.now())
            await work.notes.owe(f"volume:{volume.id}")
            await self._fill(work, item, volume, runtime)
            made.append(volume)
        config = await self._config(work, backup, wanted.app) if await _gets_config(self._store, wanted) else {}
        await self._put_in_place(work, wanted, made, backup, config, runtime)

    async def _config(self, work: Work, backup: Backup, app: str) -> Mapping[str, ConfigVar]:
        """Return the app's newest config vars in the backup; empty if the backup lacks the server's own data."""
        files = self._tools.files
        server = next((it for it in backup.items if it.kind is ItemKind.SERVER and it.snapshot), None)
        if server is None:
            return {}
        try:
            directory = await files.begin(CONFIG)
            await self._tools.targets.fetch(work.target, server.snapshot, directory)
            return await files.config_of(directory, app)
        finally:
            await files.end(CONFIG)

    async def _fill(self, work: Work, item: BackupItem, volume: AppVolume, runtime: str) -> None:
        counted = await fill_volume(self._tools, work.target, item, volume.app, volume.id, runtime=runtime)
        rows = f", {number_of(counted.counts.rows, 'row')}" if counted.counts.databases else ""
        await work.notes.say(f"{item.title}: {number_of(counted.counts.files, 'file')}{rows} restored")

    async def _put_in_place(
        self, work: Work, wanted: RestoreSubject, made: list[AppVolume], backup: Backup,
        config: Mapping[str, ConfigVar], runtime: str,
    ) -> None:  # fmt: skip
        now = self._clock.now()
        async with self._locks.queue(wanted.to):
            await check_not_moving(self._store, wanted.to)
            await self._check_side(wanted.to, runtime)
            await plan_restore(self._store, self._instances, backup, wanted)
            there = {it.name: it for it in await self._store.volumes(wanted.to) if not it.is_trashed}
            actor = work.notes.task.created_by
            replaced = [replace(there[it.name], trashed_at=now, trashed_by=actor) for it in made if it.name in there]
            app = [] if await self._store.app(wanted.to) else [App(name=wanted.to, created_at=now, updated_at=now)]
            events = [event(now, actor, Action.VOLUME_DESTROYED, it.name, wanted.to) for it in replaced]
            names = ", ".join(it.name for it in made)
            events.append(event(now, actor, Action.BACKUP_RESTORED, f"{names} from {backup.id}", wanted.to))
            version = []
            if config and await _gets_config(self._store, wanted):
                await self._secrets.write(wanted.to, 1, config)
                keys = tuple(sorted(config))
                version = [
                    ConfigVersion(app=wanted.to, version=1, created_at=now, created_by=actor, set_keys=keys)
                ]  # fmt: skip
                await work.notes.say(f"{len(config)} config vars restored")
            work.notes.task = replace(work.notes.task, undo=())
            await self._store.save(*app, *replaced, *made, *version, *events, work.notes.task)

    async def _check_side(self, app: str, runtime: str) -> None:
        """Raise VolumeInUse if the app has moved away from the side for which the volumes were made."""
        if are_apart(runtime, await runtime_of_new_slot(self._store, self._settings, app)):
            raise VolumeInUse(
                f"the volumes of {app} were not restored", why=f"{app} moved to another runtime meanwhile",
                next="the same restore again makes them where the app is now",
            )  # fmt: skip


def _items(backup: Backup, wanted: RestoreSubject) -> tuple[BackupItem, ...]:
    found = [it for it in backup.items if it.kind is ItemKind.VOLUME and it.app == wanted.app and it.snapshot]
    missing = sorted(set(wanted.volumes) - {it.name for it in found})
    if not found or missing:
        what = f"no volume {missing[0]} of {wanted.app}" if missing else f"no volume of {wanted.app}"
        raise BackupNotFound(
            f"the backup {backup.id} has {what}", next=f"`pvdify backups --app {wanted.app}` lists those that have"
        )
    return tuple(it for it in found if not wanted.volumes or it.name in wanted.volumes)


async def _gets_config(store: Store, wanted: RestoreSubject) -> bool:
    """Return whether the config vars are restored, too: the target is another app, and it has no config vars."""
    return wanted.to != wanted.app and not await store.config_versions(wanted.to)


async def _check_free(instances: Instances, app: str) -> None:
    """Raise VolumeInUse while an instance of the app runs: it would keep using its current volume."""
    running = [it for it in await instances.find(app) if it.state is InstanceState.RUNNING]
    if running:
        raise VolumeInUse(
            f"the volumes of {app} were not replaced", why=f"{len(running)} containers of {app} run with them",
            next=f"`pvdify ps:stop {app}`, the same again, then `pvdify ps:start {app}`",
        )  # fmt: skip
