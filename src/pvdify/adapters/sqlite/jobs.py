"""The part of the ``store`` port that holds scheduled jobs and their runs."""

from datetime import datetime

from pvdify.adapters.sqlite.queries import statements
from pvdify.adapters.sqlite.records import Records
from pvdify.model.job import JobRecord, JobRun


class JobRecords(Records):
    """The methods of ``SqliteStore`` for scheduled jobs."""

    async def job_records(self, app: str | None = None) -> tuple[JobRecord, ...]:
        return await self._all(JobRecord, "job_records", app=app)

    async def job_run(self, app: str, job: str, number: int) -> JobRun | None:
        return next(iter(await self._all(JobRun, "job_run", app=app, job=job, number=number)), None)

    async def job_runs(self, app: str, job: str | None = None, limit: int = 100) -> tuple[JobRun, ...]:
        return await self._all(JobRun, "job_runs", app=app, job=job, limit=limit)

    async def unsettled_job_runs(self, app: str | None = None) -> tuple[JobRun, ...]:
        return await self._all(JobRun, "unsettled_job_runs", app=app)

    async def has_run_of(self, app: str, job: str, due_at: datetime) -> bool:
        moment = due_at.isoformat(timespec="microseconds")
        return bool(await self._rows("job_run_due_at", app=app, job=job, due_at=moment))

    async def forget_job_runs(self, app: str, job: str, number: int, before: datetime) -> None:
        values = {"app": app, "job": job, "number": number, "before": before.isoformat(timespec="microseconds")}
        await self._write([(statements()["forget_old_job_runs"], values)])
