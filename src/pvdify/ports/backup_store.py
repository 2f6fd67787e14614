"""The part of the store that holds backups, their plan and their tasks."""

from typing import Protocol

from pvdify.model.backup import Backup, BackupPlan, BackupTask


class BackupStore(Protocol):
    """Durable records. Every method raises StoreUnavailable and nothing else."""

    async def backup_plan(self) -> BackupPlan | None:
        """Return the target and schedule of backups; None if no target is set."""
        ...

    async def forget_backup_plan(self) -> None:
        """Delete the plan, which stops scheduled backups. Records of backups stay."""
        ...

    async def backups(self, limit: int = 1000) -> tuple[Backup, ...]:
        """Return the newest backups, newest first."""
        ...

    async def forget_backup(self, id: str) -> None:
        """Delete the record of a backup that the target no longer has."""
        ...

    async def backup_task(self, id: str) -> BackupTask | None: ...

    async def backup_tasks(self, limit: int = 100) -> tuple[BackupTask, ...]:
        """Return the newest tasks, newest first."""
        ...
