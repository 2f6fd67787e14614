"""The part of the store that holds scheduled jobs and their runs."""

from datetime import datetime
from typing import Protocol

from pvdify.model.job import JobRecord, JobRun


class JobStore(Protocol):
    """Durable records. Every method raises StoreUnavailable and nothing else."""

    async def job_records(self, app: str | None = None) -> tuple[JobRecord, ...]:
        """Return the record of each job, of one app if ``app`` is given, including jobs that the live release lacks."""
        ...

    async def job_run(self, app: str, job: str, number: int) -> JobRun | None: ...

    async def job_runs(self, app: str, job: str | None = None, limit: int = 100) -> tuple[JobRun, ...]:
        """Return the runs of an app, of one job if ``job`` is given, newest first."""
        ...

    async def unsettled_job_runs(self, app: str | None = None) -> tuple[JobRun, ...]:
        """Return the runs that are due or running, oldest first."""
        ...

    async def has_run_of(self, app: str, job: str, due_at: datetime) -> bool:
        """Return whether this due time has a run that ran, is running or will run."""
        ...

    async def forget_job_runs(self, app: str, job: str, number: int, before: datetime) -> None:
        """Delete the finished runs up to this number that were created before this moment."""
        ...
