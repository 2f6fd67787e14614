"""What the restored database of a lost server says about backups, corrected before pvdifyd starts."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from pvdify.engine.state.backups.tools import found_backup
from pvdify.model.backup import TaskState
from pvdify.ports.backups import FoundItem
from pvdify.ports.store import Store

LOST = "the server was lost while it was done"


async def end_work(store: Store, backup: str, parts: Sequence[FoundItem], now: datetime) -> None:
    """Record that the lost server's work on backups has ended, and that due times before ``now`` are over.

    The database was copied while ``backup`` was being made. Otherwise pvdifyd would take it for an interrupted backup
    and make it again at once, before services have their data. ``parts``: the snapshots of ``backup`` at the target.
    Raises StoreUnavailable.
    """
    for task in await store.backup_tasks():
        if not task.state.is_over:
            state, cause = (TaskState.SUCCEEDED, "") if task.backup == backup else (TaskState.INTERRUPTED, LOST)
            await store.save(replace(task, state=state, cause=cause, ended_at=now, undo=()))
    known = {it.id: it for it in await store.backups()}.get(backup)
    if known is None or not known.is_restorable:
        await store.save(found_backup(backup, parts, known))
    if (plan := await store.backup_plan()) is not None:
        await store.save(replace(plan, accounted=now, drills_accounted=now))
