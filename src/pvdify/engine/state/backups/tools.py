"""Shared parts of backups: the ports, the target with its keys, labels of items, and the notes of a task."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from pvdify.errors import BackupDamaged, NoBackupTarget, StoreUnavailable
from pvdify.model.action import Action
from pvdify.model.backup import (
    Backup,
    BackupItem,
    BackupPlan,
    BackupState,
    BackupTask,
    Counts,
    ItemKind,
    differences,
)
from pvdify.model.event import Event
from pvdify.ports.backups import BackupFiles, BackupTarget, BackupTargets, Counted, FoundItem, VolumeCopies
from pvdify.ports.credentials import Credentials
from pvdify.ports.store import Store

PASSWORD = "password"  # noqa: S105 - a name
DATA = "data"  # the directory of a volume's content in a backup
_COUNTS = ("files", "bytes", "empty", "databases", "rows")


@dataclass(frozen=True, kw_only=True)
class BackupTools:
    """The ports that only backups need."""

    targets: BackupTargets
    files: BackupFiles
    copies: VolumeCopies


async def fill_volume(
    tools: BackupTools, target: BackupTarget, item: BackupItem, app: str, volume: str, *, runtime: str = ""
) -> Counted:
    """Create a volume for instances on this runtime with the content of an item, and return what the item holds.

    Raises BackupDamaged (the content differs from what was stored), BackupFailed, VolumeExists, UnavailableError.
    """
    name = f"restore-{volume}"
    try:
        directory = await tools.files.begin(name)
        await tools.targets.fetch(target, item.snapshot, directory)
        counted = await tools.files.count(directory)
        if item.counts is not None and (differs := differences(item.counts, counted.counts)):
            raise BackupDamaged(
                f"{item.title} was not restored", why=f"not all of it was restored: {differs}",
                next="`pvdify backups` shows older backups; `--backup ID` chooses one",
            )  # fmt: skip
        await tools.copies.copy_in(app, volume, directory / DATA, runtime=runtime)
        return counted
    finally:
        await tools.files.end(name)


async def plan_of(store: Store) -> BackupPlan:
    """Return the target and the schedule of backups. Raises NoBackupTarget, StoreUnavailable."""
    plan = await store.backup_plan()
    if plan is None:
        raise NoBackupTarget(
            "this server has no target for backups", why="none was set",
            next="`pvdify backups:target LOCATION`, like sftp:backup@example.com:/srv/pvdify",
        )  # fmt: skip
    return plan


async def target_of(credentials: Credentials, plan: BackupPlan) -> BackupTarget:
    """Return the target with its password and keys. Raises StoreUnavailable, SecretsLocked."""
    kept = await credentials.read(credentials_of(plan.location))
    if kept is None or PASSWORD not in kept:
        raise StoreUnavailable(
            f"the password of the backups at {plan.location} is missing",
            why=f"credentials/{credentials_of(plan.location)}.sops.yaml is not there",
            next=f"`pvdify backups:target {plan.location}`",
        )  # fmt: skip
    keys = {name: value for name, value in kept.items() if name != PASSWORD}
    return BackupTarget(location=plan.location, password=kept[PASSWORD], keys=keys)


def credentials_of(location: str) -> str:
    """Return the name under which a target's password and keys are stored. Each location has its own name."""
    return f"backups-{hashlib.sha256(location.encode()).hexdigest()[:10]}"


def labels_of(server: str, backup: str, item: BackupItem) -> dict[str, str]:
    """Return the labels of a stored item. They suffice to identify the item if only the target is left."""
    counts = {name: str(getattr(item.counts, name)) for name in _COUNTS} if item.counts else {}
    known = {"server": server, "backup": backup, "kind": item.kind.value, "app": item.app, "name": item.name,
             "id": item.id, "service": item.service, "image": item.image, "version": item.version}  # fmt: skip
    return {**known, **counts}


def item_of(found: FoundItem) -> BackupItem | None:
    """Return the item for a snapshot at the target; None if pvdify did not store it."""
    labels = found.labels
    try:
        kind = ItemKind(labels.get("kind", ""))
    except ValueError:
        return None
    counts = None
    if all(labels.get(name, "").isdecimal() for name in _COUNTS):
        counts = Counts(**{name: int(labels[name]) for name in _COUNTS})
    return BackupItem(
        kind=kind, app=labels.get("app", ""), name=labels.get("name", ""), id=labels.get("id", ""),
        snapshot=found.snapshot, counts=counts, service=labels.get("service", ""), image=labels.get("image", ""),
        version=labels.get("version", ""),
    )  # fmt: skip


def found_backup(id: str, parts: Sequence[FoundItem], known: Backup | None) -> Backup:
    """Return the record of a backup that ended, by its snapshots at the target. ``known``: an earlier record of it."""
    items = sorted((item for it in parts if (item := item_of(it)) is not None), key=lambda it: (it.kind.value, it.app))
    problems = [f"{it.title}: {it.problem}" for it in known.items if it.problem] if known else []
    return Backup(
        id=id, state=BackupState.INCOMPLETE if problems else BackupState.STORED, cause="; ".join(problems),
        made_at=known.made_at if known else min(it.at for it in parts), ended_at=max(it.at for it in parts),
        made_by=known.made_by if known else "found at the target", items=tuple(items),
    )  # fmt: skip


class Notes:
    """The log of a task and the cleanup that is due if the task is interrupted. Each change is saved at once."""

    def __init__(self, store: Store, task: BackupTask) -> None:
        self._store = store
        self.task = task

    async def say(self, text: str) -> None:
        """Add a line to the log. Raises StoreUnavailable."""
        await self._keep(replace(self.task, log=(*self.task.log, text)))

    async def owe(self, what: str) -> None:
        """Record a cleanup that is due if pvdify is killed from now on. Raises StoreUnavailable."""
        await self._keep(replace(self.task, undo=(*self.task.undo, what)))

    async def paid(self, what: str) -> None:
        """Remove a cleanup that was done or is no longer due. Raises StoreUnavailable."""
        await self._keep(replace(self.task, undo=tuple(it for it in self.task.undo if it != what)))

    async def _keep(self, task: BackupTask) -> None:
        self.task = task
        await self._store.save(task)


def event(now: datetime, actor: str, action: Action, text: str, app: str | None = None) -> Event:
    """Return an event at the time ``now``."""
    return Event(at=now, actor=actor, action=action, app=app, text=text)


@dataclass(frozen=True, kw_only=True)
class Work:
    """The context of a task: the backup target and the notes of the task."""

    target: BackupTarget
    notes: Notes
