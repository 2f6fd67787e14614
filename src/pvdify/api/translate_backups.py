"""Conversion of backup records to the wire types of the API. Pure functions."""

from pvdify.api.copying import Copying
from pvdify.engine.state.backups.backups import BackupsView
from pvdify.engine.state.backups.keeper import due_times_of
from pvdify.engine.state.backups.restoring import RestorePlan
from pvdify.model.backup import Backup, BackupItem, BackupPlan, BackupTask, TaskKind
from pvdify.model.instance import Secret
from pvdify.wire import answers

_task = Copying(BackupTask, answers.BackupTask, "is_over")
_backup = Copying(Backup, answers.Backup, "items", "problems")
_backup_item = Copying(BackupItem, answers.BackupItem, "files", "bytes", "rows")


def backups(view: BackupsView) -> answers.Backups:
    """Convert the overview of backups."""
    return answers.Backups(
        target=target(view.plan) if view.plan else None,
        backups=[backup(it) for it in view.backups],
        tasks=[task(it) for it in view.tasks],
    )


def target(plan: BackupPlan, password: Secret | None = None) -> answers.BackupTarget:
    """Convert the backup target; ``password`` only when it is new."""
    due = due_times_of(plan)
    return answers.BackupTarget(
        location=plan.location, schedule=plan.schedule, drills=plan.drills, time_zone=plan.time_zone,
        keep_daily=plan.keep.daily, keep_weekly=plan.keep.weekly, keep_monthly=plan.keep.monthly, size=plan.size,
        trouble=plan.trouble, next_backup_at=due[TaskKind.BACKUP], next_drill_at=due[TaskKind.VERIFY],
        password=str(password) if password is not None else None,
    )  # fmt: skip


def backup(it: Backup) -> answers.Backup:
    """Convert a backup."""
    return _backup(it, problems=list(it.proof), items=[_item(each) for each in it.items])


def task(it: BackupTask) -> answers.BackupTask:
    """Convert a backup, drill or restore task."""
    return _task(it, is_over=it.state.is_over)


def restore_plan(plan: RestorePlan) -> answers.RestorePlan:
    """Convert the plan of a restore."""
    it = plan.backup
    return answers.RestorePlan(backup=it.id, made_at=it.made_at, proven_at=it.proven_at, steps=list(plan.steps))


def _item(it: BackupItem) -> answers.BackupItem:
    counts = it.counts
    return _backup_item(
        it, files=counts.files if counts else None, bytes=counts.bytes if counts else None,
        rows=counts.rows if counts and counts.databases else None,
    )  # fmt: skip
