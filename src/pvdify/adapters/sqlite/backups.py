"""The part of the ``store`` port that holds backups."""

from pvdify.adapters.sqlite.queries import statements
from pvdify.adapters.sqlite.records import Records
from pvdify.model.backup import Backup, BackupPlan, BackupTask


class BackupRecords(Records):
    """The methods of ``SqliteStore`` for backups."""

    async def backup_plan(self) -> BackupPlan | None:
        return next(iter(await self._all(BackupPlan, "backup_plan")), None)

    async def forget_backup_plan(self) -> None:
        await self._write([(statements()["forget_backup_plan"], {})])

    async def backups(self, limit: int = 1000) -> tuple[Backup, ...]:
        return await self._all(Backup, "backups", limit=limit)

    async def forget_backup(self, id: str) -> None:
        await self._write([(statements()["forget_backup"], {"id": id})])

    async def backup_task(self, id: str) -> BackupTask | None:
        return next(iter(await self._all(BackupTask, "backup_task", id=id)), None)

    async def backup_tasks(self, limit: int = 100) -> tuple[BackupTask, ...]:
        return await self._all(BackupTask, "backup_tasks", limit=limit)
