"""The volumes of apps: list, destroy and restore them, and purge volumes that are due from the trash."""

from dataclasses import dataclass, replace
from datetime import datetime

import structlog

from pvdify.engine.world.concurrency import Locks, settle
from pvdify.engine.world.not_found import no_app
from pvdify.engine.world.runtimes import check_not_moving, runtime_of_new_slot
from pvdify.errors import AppNotFound, PvdifyError, VolumeExists, VolumeInUse, VolumeNotFound
from pvdify.manifest.definition import Volume
from pvdify.model.action import Action
from pvdify.model.backup import last_stored
from pvdify.model.event import Event
from pvdify.model.release import Release
from pvdify.model.runtime_choice import CLUSTER
from pvdify.model.service import PREFIX as SERVICE_PREFIX
from pvdify.model.token import PVDIFY, Actor
from pvdify.model.volume import AppVolume
from pvdify.ports.clock import Clock
from pvdify.ports.store import Store
from pvdify.ports.volume_transfers import VolumeTransfers
from pvdify.ports.volumes import Volumes
from pvdify.settings import Settings

log = structlog.get_logger()
LOOK_EVERY = 3600.0  # seconds between two checks of the trash


@dataclass(frozen=True, kw_only=True)
class VolumeView:
    """A volume with its declaration, size and last backup.

    ``declared``: its entry in the manifest of the live release, or None. ``processes``: the process types that mount
    it. ``size``: bytes, None if unknown. ``last_backup``: when it was last stored at the backup target.
    """

    volume: AppVolume
    declared: Volume | None
    processes: tuple[str, ...]
    size: int | None
    last_backup: datetime | None = None


class AppVolumes:
    """Requests about volumes."""

    def __init__(
        self, *, clock: Clock, locks: Locks, settings: Settings, store: Store, transfers: VolumeTransfers | None,
        volumes: Volumes,
    ) -> None:  # fmt: skip
        self._clock, self._locks, self._settings, self._store, self._volumes = clock, locks, settings, store, volumes
        self._transfers = transfers

    async def list(self, app: str) -> tuple[VolumeView, ...]:
        """Return the app's volumes by name, those in the trash included.

        Raises AppNotFound, RuntimeUnavailable, StoreUnavailable.
        """
        volumes = await self._store.volumes(app)
        if not volumes and await self._store.app(app) is None:
            raise no_app(app)
        live = await self._store.active_release(app)
        declared = {name: it for name, it in live.volumes.items() if not it.ephemeral} if live else {}
        sizes = await settle(*(self._volumes.size(volume.id) for volume in volumes))
        processes = tuple(live.manifest.processes) if live else ()
        stored = last_stored(await self._store.backups())
        views = (
            _view(volume, None if volume.is_trashed else declared.get(volume.name), processes, size)
            for volume, size in zip(volumes, sizes, strict=True)
        )
        return tuple(replace(view, last_backup=stored.get(view.volume.id)) for view in views)

    async def destroy(self, app: str, name: str, actor: Actor, *, purges: bool) -> AppVolume:
        """Move a volume to the trash. With ``purges``, delete it at once, even if it is in the trash already.

        Raises VolumeNotFound, VolumeInUse (a release that runs or may run again uses the volume, or a move
        copies it), RuntimeUnavailable, StoreUnavailable.
        """
        _check_no_service(app)
        async with self._locks.queue(app):
            await check_not_moving(self._store, app)
            volume = _newest(await self._store.volumes(app), name, is_trashed=None if purges else False)
            if volume is None:
                raise _no_volume(app, name)
            if not volume.is_trashed and (users := await self._users(app, name)):
                raise VolumeInUse(
                    f"the volume {name} of {app} was not destroyed",
                    why=f"{', '.join(f'v{number}' for number in users)} {'uses' if len(users) == 1 else 'use'} it",
                    next="remove it from `volumes` in pvdify.yml and deploy; once the previous release is gone from "
                    f"standby, `pvdify volumes:destroy {app} {name}` works",
                )
            if purges:
                await self._volumes.remove(volume.id)
                await self._store.save(self._event(actor, Action.VOLUME_PURGED, volume))
                await self._store.forget_volume(volume.id)
                return volume
            trashed = replace(volume, trashed_at=self._clock.now(), trashed_by=actor.name)
            await self._store.save(trashed, self._event(actor, Action.VOLUME_DESTROYED, volume))
            return trashed

    async def restore(self, app: str, name: str, actor: Actor) -> AppVolume:
        """Take the newest volume of this name out of the trash; the next deploy or restart mounts it.

        Raises AppNotFound, VolumeNotFound (also if it is on the side that the app has left), VolumeExists, VolumeInUse,
        RuntimeUnavailable, StoreUnavailable.
        """
        _check_no_service(app)
        async with self._locks.queue(app):
            await check_not_moving(self._store, app)
            volumes = await self._store.volumes(app)
            volume = _newest(volumes, name, is_trashed=True)
            if await self._store.app(app) is None:
                raise no_app(app) if volume is None else _no_app_for(volume)
            if volume is None:
                raise VolumeNotFound(
                    f"no volume {name} of {app} is in the trash", next=f"`pvdify volumes {app}` lists its volumes"
                )
            if _newest(volumes, name, is_trashed=False) is not None:
                raise VolumeExists(
                    f"the volume {name} of {app} was not restored",
                    why=f"{app} has a volume {name} that is in use, and a restore would take its place",
                    next=f"`pvdify volumes:destroy {app} {name}` moves that one to the trash first",
                )
            await self._check_side(volume)
            restored = replace(volume, trashed_at=None, trashed_by=None)
            await self._store.save(restored, self._event(actor, Action.VOLUME_RESTORED, volume))
            return restored

    async def _check_side(self, volume: AppVolume) -> None:
        """Raise VolumeNotFound if the app's instances, which are on the other side, would get an empty volume."""
        runtime = await runtime_of_new_slot(self._store, self._settings, volume.app)
        if self._transfers is not None and await self._transfers.is_across(volume.id, runtime):
            is_here = runtime == CLUSTER
            raise VolumeNotFound(
                f"the volume {volume.name} of {volume.app} was not restored",
                why=f"it is {'on this machine' if is_here else 'in the cluster'}, and {volume.app} "
                f"{'in the cluster' if is_here else 'on this machine'}",
                next=f"`pvdify server runtime {self._settings.runtime if is_here else CLUSTER}` moves the apps there",
            )

    async def keep_trash(self) -> None:
        """Purge volumes that are due every hour until canceled."""
        while True:
            try:
                await self.purge_due()
            except PvdifyError as error:
                log.warning("trash.failed", code=error.code, what=error.what, why=error.why)
            await self._clock.sleep(LOOK_EVERY)

    async def purge_due(self) -> None:
        """Delete the volumes that have been in the trash for longer than the setting ``trash``. Raises PvdifyError."""
        oldest = self._clock.now() - self._settings.trash
        for volume in await self._store.volumes():
            if volume.trashed_at is not None and volume.trashed_at <= oldest:
                await self._volumes.remove(volume.id)
                await self._store.save(self._event(PVDIFY, Action.VOLUME_PURGED, volume))
                await self._store.forget_volume(volume.id)
                log.info("volume.purged", app=volume.app, volume=volume.name)

    async def _users(self, app: str, name: str) -> tuple[int, ...]:
        """Return the versions of the releases that run, or may run again, with this volume."""
        found = [await self._store.release(app, slot.number) for slot in await self._store.slots(app)]
        return tuple(sorted(it.version for it in found if it is not None and _stores(it, name)))

    def _event(self, actor: Actor, action: Action, volume: AppVolume) -> Event:
        return Event(
            at=self._clock.now(),
            actor=actor.name,
            address=actor.address,
            action=action,
            app=volume.app,
            text=volume.name,
        )


def _stores(release: Release, name: str) -> bool:
    """Return whether the release has a volume of this name that is not ephemeral."""
    volume = release.volumes.get(name)
    return volume is not None and not volume.ephemeral


def _check_no_service(app: str) -> None:
    """Raise AppNotFound if the name belongs to a service: its volume is destroyed and restored with the service."""
    if app.startswith(SERVICE_PREFIX):
        raise no_app(app)


def _view(volume: AppVolume, declared: Volume | None, processes: tuple[str, ...], size: int | None) -> VolumeView:
    users = tuple(it for it in processes if declared is not None and declared.is_used_by(it))
    return VolumeView(volume=volume, declared=declared, processes=users, size=size)


def _newest(volumes: tuple[AppVolume, ...], name: str, *, is_trashed: bool | None) -> AppVolume | None:
    """Return the newest volume of this name, or None.

    ``is_trashed``: None searches all volumes and prefers one that is not in the trash.
    """
    found = [it for it in volumes if it.name == name and is_trashed in (None, it.is_trashed)]
    return max(found, key=lambda it: (not it.is_trashed, it.created_at), default=None)


def _no_app_for(volume: AppVolume) -> AppNotFound:
    """Return the error for a restore to a deleted app, whose first deploy would create a new volume of the name."""
    app, name = volume.app, volume.name
    return AppNotFound(
        f"there is no app {app} that could have its volume {name} back",
        next=f"`pvdify apps:create {app}`, then `pvdify volumes:restore {app} {name}`, and deploy",
    )


def _no_volume(app: str, name: str) -> VolumeNotFound:
    return VolumeNotFound(f"{app} has no volume {name}", next=f"`pvdify volumes {app}` lists them")
