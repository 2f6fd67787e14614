"""Requests about backups."""

from collections.abc import Iterator
from functools import partial
from typing import Any
from urllib.parse import quote

from pvdify.client.calls.asking import Asking, T
from pvdify.client.encode import request_body
from pvdify.client.events import keep_asking
from pvdify.client.session import Question
from pvdify.wire.answers import Backups, BackupTarget, BackupTask, RestorePlan
from pvdify.wire.requests import RestoreBackup, ScheduleBackups, SetBackupTarget, VerifyBackup

PAUSE = 1.0  # seconds between two requests for a task's progress
_LOOK = "`pvdify backups` shows it"


class BackupCalls(Asking):
    """Requests about backups, their target and their schedule."""

    def backups(self) -> Backups:
        """Return the target, the schedule, the backups and the tasks."""
        return self._session.ask_for(Backups, Question(path="/backups"))

    def set_backup_target(self, wanted: SetBackupTarget) -> BackupTarget:
        """Set the target that backups are stored in.

        Raises InvalidBackupTarget, BackupTargetUnavailable, BackupTargetRefused.
        """
        lost = "the target may or may not have been set"
        return self._change(BackupTarget, "PUT", "/backups/target", request_body(wanted), lost)

    def schedule_backups(self, wanted: ScheduleBackups) -> BackupTarget:
        """Change the schedule of backups. Raises NoBackupTarget, InvalidBackupTarget."""
        lost = "the schedule may or may not have been changed"
        return self._change(BackupTarget, "PATCH", "/backups/target", request_body(wanted), lost)

    def run_backup(self) -> BackupTask:
        """Start a backup now. Raises NoBackupTarget, BackupsBusy."""
        return self._change(BackupTask, "POST", "/backups", None, "a backup may or may not be made now")

    def verify_backup(self, wanted: VerifyBackup) -> BackupTask:
        """Start verifying a backup now. Raises NoBackupTarget, BackupNotFound, BackupsBusy."""
        lost = "a backup may or may not be proven now"
        return self._change(BackupTask, "POST", "/backups/verify", request_body(wanted), lost)

    def plan_restore(self, wanted: RestoreBackup) -> RestorePlan:
        """Return what a restore would do. Raises BackupNotFound, VolumeExists, VolumeInUse."""
        question = Question(method="POST", path="/backups/restore/plan", body=request_body(wanted))
        return self._session.ask_for(RestorePlan, question)

    def restore_backup(self, wanted: RestoreBackup) -> BackupTask:
        """Start restoring volumes. Raises the errors of ``plan_restore``, and BackupsBusy."""
        lost = "the restore may or may not have begun"
        return self._change(BackupTask, "POST", "/backups/restore", request_body(wanted), lost)

    def follow_backup_task(self, task: BackupTask) -> Iterator[str | BackupTask]:
        """Yield the lines of the task's log as they are written, then the finished task."""
        seen = 0
        while True:
            question = Question(path=f"/backups/tasks/{quote(task.id, safe='')}")
            task = keep_asking(
                partial(self._session.ask_for, BackupTask, question), f"the {task.kind} {task.id}", _LOOK,
                sleep=self._session.sleep,
            )  # fmt: skip
            yield from task.log[seen:]
            seen = len(task.log)
            if task.is_over:
                yield task
                return
            self._session.sleep(PAUSE)

    def _change(self, kind: type[T], method: str, path: str, body: Any, lost: str) -> T:
        return self._session.ask_for(kind, Question(method=method, path=path, body=body, lost=lost, check=_LOOK))
