"""The part of the journal that holds scheduled jobs and their runs."""

from datetime import datetime
from typing import Protocol

from pvdify.model.job import JobRecord, JobRun


class JobStore(Protocol):
    """Durable records. Every method raises StoreUnavailable and nothing else."""

    async def job_records(self, app: str | None = None) -> tuple[JobRecord, ...]:
        """What is known of each job, of one app if named, also of jobs that the live release lacks."""
        ...

    async def job_run(self, app: str, job: str, number: int) -> JobRun | None: ...

    async def job_runs(self, app: str, job: str | None = None, limit: int = 100) -> tuple[JobRun, ...]:
        """The runs of an app, of one job if named, newest first."""
        ...

    async def unsettled_job_runs(self, app: str | None = None) -> tuple[JobRun, ...]:
        """Runs that are due or running, oldest first."""
        ...

    async def has_run_of(self, app: str, job: str, due_at: datetime) -> bool:
        """Whether this due time has a run that ran, runs or will run."""
        ...

    async def forget_job_runs(self, app: str, job: str, number: int, before: datetime) -> None:
        """Forget the runs up to this number that were made before this moment and are over."""
        ...
