"""The part of the journal that holds backups, and what is done with them."""

from typing import Protocol

from pvdify.model.backup import Backup, BackupPlan, BackupTask


class BackupStore(Protocol):
    """Durable records. Every method raises StoreUnavailable and nothing else."""

    async def backup_plan(self) -> BackupPlan | None:
        """Where backups go and when; None where no target was set."""
        ...

    async def forget_backup_plan(self) -> None:
        """Make no more backups; those that are known stay known."""
        ...

    async def backups(self, limit: int = 1000) -> tuple[Backup, ...]:
        """Backups, newest first."""
        ...

    async def forget_backup(self, id: str) -> None:
        """Forget a backup that the target no longer has."""
        ...

    async def backup_task(self, id: str) -> BackupTask | None:
        """One task."""
        ...

    async def backup_tasks(self, limit: int = 100) -> tuple[BackupTask, ...]:
        """Tasks, newest first."""
        ...
