"""The keeper of backups: makes, proves and restores backups when due or requested, one task at a time.

A task is recorded before its work begins. After a kill, frozen apps are resumed, incomplete volumes are removed, and an
interrupted backup or drill is queued again.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from pvdify.engine.state.backups.making import Making
from pvdify.engine.state.backups.proof import Proof
from pvdify.engine.state.backups.restoring import Restoring
from pvdify.engine.state.backups.scratch import CONTAINER, VOLUME
from pvdify.engine.state.backups.service_restoring import ServiceRestoring
from pvdify.engine.state.backups.tools import BackupTools, Notes, Work, event, found_backup, item_of, plan_of, target_of
from pvdify.errors import BackupNotFound, PvdifyError
from pvdify.manifest.schedules import first_due
from pvdify.model.action import Action
from pvdify.model.backup import (
    Backup,
    BackupPlan,
    BackupState,
    BackupTask,
    ItemKind,
    RestoreSubject,
    TaskKind,
    TaskState,
    kept,
)
from pvdify.model.event import Event
from pvdify.model.service import FROM_BACKUP
from pvdify.model.token import PVDIFY
from pvdify.ports.backups import BackupTarget, FoundItem
from pvdify.ports.clock import Clock
from pvdify.ports.credentials import Credentials
from pvdify.ports.instances import Instances
from pvdify.ports.store import Store
from pvdify.ports.volumes import Volumes
from pvdify.timing import first_of

log = structlog.get_logger()
PAUSE = 15.0  # seconds between two passes
REMEMBERED = timedelta(days=7)  # how long the records of failed backups are kept
CUT_SHORT = "pvdify ended while it was done"
_ACTIONS = {
    TaskKind.BACKUP: (Action.BACKUP_MADE, Action.BACKUP_FAILED),
    TaskKind.VERIFY: (Action.BACKUP_PROVEN, Action.BACKUP_UNPROVEN),
    TaskKind.RESTORE: (None, Action.BACKUP_RESTORE_FAILED),
}
ORPHANED = timedelta(days=1)  # a snapshot at the target that belongs to no backup is deleted when it is older


class BackupKeeper:
    """Runs requested and due tasks until canceled.

    Args:
        tools: the ports that only backups need.
        wake: starts the next pass at once when set.
    """

    def __init__(  # noqa: PLR0913 - one for each port and part
        self, *, clock: Clock, credentials: Credentials, instances: Instances, store: Store, volumes: Volumes,
        making: Making, proof: Proof, restoring: Restoring, service_restoring: ServiceRestoring, tools: BackupTools,
        wake: asyncio.Event,
    ) -> None:  # fmt: skip
        self._clock, self._credentials, self._instances, self._store = clock, credentials, instances, store
        self._volumes, self._making, self._proof, self._restoring = volumes, making, proof, restoring
        self._service_restoring = service_restoring
        self._tools = tools
        self._wake = wake

    async def run(self) -> None:
        """Recover from a kill, then run tasks as they are requested or due, until canceled."""
        await self._safely(self.recover)
        while True:
            self._wake.clear()
            await self._safely(self.run_due)
            await self._pause()

    async def recover(self) -> None:
        """Resume frozen apps, delete temporary files, and clean up interrupted tasks. Raises PvdifyError."""
        await self._tools.copies.thaw()
        await self._tools.files.clear()
        await self._end_interrupted()

    async def run_due(self) -> None:
        """Queue due tasks, then run all queued tasks. Raises PvdifyError."""
        await self._end_interrupted()  # whose end could not be recorded: only this loop runs tasks
        await self._note_due()
        while (task := await self._next()) is not None:
            await self._do(task)

    async def _end_interrupted(self) -> None:
        for task in await self._store.backup_tasks():
            if task.state is TaskState.RUNNING:
                await self._recover(task)

    async def _note_due(self) -> None:
        """Queue a backup or a drill that is due. Several missed due times result in one task."""
        plan = await self._store.backup_plan()
        if plan is None:
            return
        now = self._clock.now()
        waiting = {it.kind for it in await self._store.backup_tasks() if not it.state.is_over}
        for kind, due in due_times_of(plan).items():
            if due is None or due > now:
                continue
            is_backup = kind is TaskKind.BACKUP
            plan = replace(plan, accounted=now) if is_backup else replace(plan, drills_accounted=now)
            tasks = () if kind in waiting else (new_task(kind, now, PVDIFY.name),)
            await self._store.save(plan, *tasks)

    async def _next(self) -> BackupTask | None:
        waiting = [it for it in await self._store.backup_tasks() if it.state is TaskState.QUEUED]
        # a backup goes before a drill that became due at the same time, so that the drill proves it
        return min(waiting, key=lambda it: (it.created_at, it.kind is not TaskKind.BACKUP), default=None)

    async def _do(self, task: BackupTask) -> None:
        notes = Notes(self._store, replace(task, state=TaskState.RUNNING))
        await self._store.save(notes.task)
        try:
            plan = await plan_of(self._store)
            cause = await self._carry_out(plan, await target_of(self._credentials, plan), notes)
        except PvdifyError as error:
            cause = f"{error.what}: {error.why}" if error.why else error.what
            await self._undo(notes)
        except Exception as error:
            log.exception("backups.crashed", task=task.id)
            cause = f"pvdify itself failed ({type(error).__name__}); `journalctl -u pvdifyd` has the details"
            await self._undo(notes)
        await self._end(notes.task, cause)

    async def _carry_out(self, plan: BackupPlan, target: BackupTarget, notes: Notes) -> str:
        """Run the task; return its problems, or "". Raises PvdifyError."""
        await self._proof.check_target(target, plan)
        await self._compare(await self._tools.targets.list(target))
        if notes.task.kind is TaskKind.BACKUP:
            return await self._make(plan, target, notes)
        backup = await self._chosen(notes.task.backup)
        notes.task = replace(notes.task, backup=backup.id)
        if notes.task.kind is TaskKind.RESTORE and notes.task.wanted is not None:
            await self._restore(backup, notes.task.wanted, target, notes)
            return ""
        proven = await self._proof.prove(
            Work(target=target, notes=notes), backup, accepts_smaller=notes.task.accepts_smaller
        )
        await self._store.save(proven)
        return "; ".join(proven.proof)

    async def _restore(self, backup: Backup, wanted: RestoreSubject, target: BackupTarget, notes: Notes) -> None:
        if wanted.service:
            await self._service_restoring.restore(notes, backup, wanted)
        else:
            await self._restoring.restore(Work(target=target, notes=notes), backup, wanted)

    async def _make(self, plan: BackupPlan, target: BackupTarget, notes: Notes) -> str:
        now, task = self._clock.now(), notes.task
        backup = Backup(id=f"{now:%Y%m%dT%H%M%S}", state=BackupState.RUNNING, made_at=now, made_by=task.created_by)
        notes.task = replace(task, backup=backup.id)
        await self._store.save(backup, notes.task)
        made = await self._making.make(Work(target=target, notes=notes), backup)
        await self._store.save(made)
        await self._tidy(plan, target, notes)
        return made.cause

    async def _tidy(self, plan: BackupPlan, target: BackupTarget, notes: Notes) -> None:
        """Delete backups that are not to be kept, and record the target's size. A failure is logged in ``notes``."""
        store, targets = self._store, self._tools.targets
        try:
            backups = await store.backups()
            wanted = kept(backups, plan.keep) | await self._in_use()
            found = [it for it in await targets.list(target) if item_of(it) is not None]
            oldest = self._clock.now() - ORPHANED
            known = {it.id for it in backups if it.is_restorable}
            needless = [it for it in found if (name := it.labels.get("backup", "")) not in wanted
                        and (name in known or it.at < oldest)]  # fmt: skip
            if needless:
                await targets.forget(target, tuple(it.snapshot for it in needless))
            for backup in backups:
                is_needless = backup.is_restorable or backup.made_at < self._clock.now() - REMEMBERED
                if backup.id not in wanted and is_needless:
                    await store.forget_backup(backup.id)
            if needless:
                await notes.say(f"{len({it.labels.get('backup') for it in needless})} older backups deleted")
            size = await targets.size(target)  # takes long; the plan may change meanwhile
            await store.save(replace(await plan_of(self._store), size=size))
        except PvdifyError as error:
            await notes.say(f"older backups were not deleted: {error.why or error.what}")
            log.warning("backups.not_tidied", code=error.code, what=error.what, why=error.why)

    async def _in_use(self) -> frozenset[str]:
        """Return the ids of backups from which services are being, or will be, restored."""
        services = await self._store.services()
        copies = [it.copy_of.removeprefix(FROM_BACKUP).partition(":")[0] for it in services if it.copy_of]
        return frozenset([*(it.pending.backup for it in services if it.pending), *copies])

    async def _compare(self, found: tuple[FoundItem, ...]) -> None:
        """Update the records of backups: add complete ones found at the target, and mark missing ones as gone."""
        store = self._store
        known = {it.id: it for it in await store.backups()}
        there: dict[str, list[FoundItem]] = {}
        for it in found:
            if item_of(it) is not None and it.labels.get("backup"):
                there.setdefault(it.labels["backup"], []).append(it)
        for id, parts in there.items():
            items = tuple(item for it in parts if (item := item_of(it)) is not None)
            is_whole = any(item.kind is ItemKind.SERVER for item in items)
            if id in known and known[id].is_restorable:
                continue
            if is_whole:
                await store.save(found_backup(id, parts, known.get(id)))
        for backup in known.values():
            if backup.is_restorable and backup.id not in there:
                cause = "it is no longer at the target"
                await store.save(replace(backup, state=BackupState.GONE, cause=cause, proven_at=None))

    async def _chosen(self, id: str) -> Backup:
        """Return the backup with this id, by default the newest.

        Raises BackupNotFound if there is none, or if it is gone from the target.
        """
        backups = await self._store.backups()
        usable = [it for it in backups if it.is_restorable or it.state is BackupState.GONE]
        found = next((it for it in usable if id in ("", it.id)), None)
        if found is None or found.state is BackupState.GONE:
            raise BackupNotFound(
                f"there is no backup {id} at the target" if id else "there is no backup at the target yet",
                why=found.cause if found else "", next="`pvdify backups` lists them; `pvdify backups:run` makes one",
            )  # fmt: skip
        return found

    async def _end(self, task: BackupTask, cause: str) -> None:
        now = self._clock.now()
        state = TaskState.FAILED if cause else TaskState.SUCCEEDED
        over = replace(task, state=state, cause=cause, ended_at=now)
        good, bad = _ACTIONS[task.kind]
        text = f"{task.backup}: {cause}" if cause else task.backup
        log.info("backup.ended", kind=task.kind.value, state=state.value, backup=task.backup, cause=cause)
        records: list[BackupPlan | Event] = []
        plan = await self._store.backup_plan()
        if plan is not None and task.kind is not TaskKind.RESTORE:
            records.append(replace(plan, trouble=cause))
        action = bad if cause else good
        if action is not None:  # a restore has recorded its own event
            records.append(event(now, task.created_by, action, text.removeprefix(": ")))
        await self._store.save(over, *records)

    async def _recover(self, task: BackupTask) -> None:
        """Undo the unfinished parts of an interrupted task, and queue it again unless it was a restore."""
        now = self._clock.now()
        await self._undo(Notes(self._store, task))
        over = replace(task, state=TaskState.INTERRUPTED, cause=CUT_SHORT, ended_at=now, undo=())
        fresh = new_task(task.kind, now, task.created_by)
        fresh = replace(fresh, backup=task.backup, accepts_smaller=task.accepts_smaller)
        again = () if task.kind is TaskKind.RESTORE else (fresh,)
        for backup in await self._store.backups():
            if backup.state is BackupState.RUNNING:
                await self._store.save(replace(backup, state=BackupState.FAILED, cause=CUT_SHORT, ended_at=now))
        await self._store.save(over, *again, event(now, task.created_by, Action.BACKUP_INTERRUPTED, task.kind.value))

    async def _undo(self, notes: Notes) -> None:
        """Remove unfinished containers and volumes of the task, and run pending ``backup.after`` commands.

        An error is logged, and the rest is skipped.
        """
        try:
            for debt in notes.task.undo:
                kind, _, name = debt.partition(":")
                if kind == CONTAINER:
                    await self._instances.remove(name)
                elif kind == VOLUME:
                    await self._volumes.remove(name)
                elif kind == "hook":
                    await self._making.run_after(name)
                await notes.paid(debt)
        except PvdifyError as error:
            log.warning("backup.not_undone", code=error.code, what=error.what, why=error.why)

    async def _safely(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except PvdifyError as error:
            log.warning("backups.failed", code=error.code, what=error.what, why=error.why)
        except Exception:
            log.exception("backups.crashed")

    async def _pause(self) -> None:
        await first_of(self._clock.sleep(PAUSE), self._wake.wait())


def due_times_of(plan: BackupPlan) -> dict[TaskKind, datetime | None]:
    """Return when the next backup and the next drill are due; None without a schedule."""
    return {
        TaskKind.BACKUP: first_due(plan.schedule, plan.time_zone, plan.accounted) if plan.schedule else None,
        TaskKind.VERIFY: first_due(plan.drills, plan.time_zone, plan.drills_accounted) if plan.drills else None,
    }


def new_task(kind: TaskKind, now: datetime, actor: str) -> BackupTask:
    """Return a new queued task."""
    return BackupTask(
        id=f"{kind.value}-{now:%Y%m%d%H%M%S%f}", kind=kind, state=TaskState.QUEUED, created_at=now, created_by=actor
    )
