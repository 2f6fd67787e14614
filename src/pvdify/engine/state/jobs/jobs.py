"""Requests about scheduled jobs: list, run, pause, resume, history and output."""

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime

from pvdify.engine.state.jobs.due_times import jobs_of
from pvdify.engine.world.concurrency import Locks
from pvdify.engine.world.not_found import no_app
from pvdify.errors import JobNotFound, JobRunning, NothingRuns
from pvdify.manifest.definition import Job
from pvdify.model.action import Action
from pvdify.model.event import Event
from pvdify.model.instance import LogLine
from pvdify.model.job import JobRecord, JobRun, RunState, next_due
from pvdify.model.release import Release
from pvdify.model.token import Actor
from pvdify.ports.clock import Clock
from pvdify.ports.job_log import JobLog
from pvdify.ports.store import Store


@dataclass(frozen=True, kw_only=True)
class JobView:
    """A job with its record and runs. ``next_due``: None if the job is paused, or not scheduled, as in a preview."""

    name: str
    job: Job
    record: JobRecord | None
    next_due: datetime | None
    last: JobRun | None
    is_running: bool


class AppJobs:
    """Requests about jobs.

    Args:
        wake: wakes the scheduler when set.
    """

    def __init__(self, *, clock: Clock, job_log: JobLog, locks: Locks, store: Store, wake: asyncio.Event) -> None:
        self._clock, self._job_log, self._locks, self._store = clock, job_log, locks, store
        self._wake = wake

    async def list(self, app: str) -> tuple[JobView, ...]:
        """Return the jobs of the live release by name. Raises AppNotFound, StoreUnavailable."""
        live = await self._live(app)
        records = {it.job: it for it in await self._store.job_records(app)}
        scheduled = jobs_of(live)
        return tuple(
            [
                await self._view(name, job, records.get(name), is_scheduled=name in scheduled, app=app)
                for name, job in sorted((live.manifest.jobs if live else {}).items())
            ]
        )

    async def overdue(self) -> dict[str, tuple[str, ...]]:
        """Return the names of jobs that have not succeeded for longer than they should, by app."""
        found: dict[str, tuple[str, ...]] = {}
        for record in await self._store.job_records():
            if record.is_overdue and record.schedule:
                found[record.app] = (*found.get(record.app, ()), record.job)
        return found

    async def records(self) -> tuple[JobRecord, ...]:
        """Return the records of all jobs of all apps. Raises StoreUnavailable."""
        return await self._store.job_records()

    async def run(self, app: str, name: str, actor: Actor) -> JobRun:
        """Request a run of a job, even if the job is paused. The run starts within seconds.

        Raises AppNotFound, JobNotFound, NothingRuns (the app is stopped), JobRunning, StoreUnavailable.
        """
        async with self._locks.jobs(app):
            job, record = await self._known(app, name)
            if (await self._store.scale(app)).is_stopped:
                raise NothingRuns(f"the job {name} of {app} was not run", why=f"{app} is stopped",
                                  next=f"`pvdify ps:start {app}`")  # fmt: skip
            unsettled = await self._store.unsettled_job_runs(app)
            if job.overlap == "skip" and (before := [it for it in unsettled if it.job == name]):
                raise JobRunning(
                    f"the job {name} of {app} was not run", why=f"run {before[0].number} has not ended",
                    next=f"`pvdify logs {app} --job {name} -f` shows it; with `overlap: queue` runs wait",
                )  # fmt: skip
            now, number = self._clock.now(), record.last_number + 1
            run = JobRun(app=app, job=name, number=number, state=RunState.DUE, created_at=now, created_by=actor.name)
            event = self._event(actor, Action.JOB_REQUESTED, app, f"{name}, run {number}")
            await self._store.save(replace(record, last_number=number), run, event)
        self._wake.set()
        return run

    async def pause(self, app: str, name: str, actor: Actor) -> None:
        """Skip the due times of a job until it is resumed. Raises AppNotFound, JobNotFound, StoreUnavailable."""
        async with self._locks.jobs(app):
            _, record = await self._known(app, name)
            if not record.is_paused:
                paused = replace(record, is_paused=True, paused_by=actor.name)
                await self._store.save(paused, self._event(actor, Action.JOB_PAUSED, app, name))

    async def resume(self, app: str, name: str, actor: Actor) -> None:
        """Resume the job: it runs at its next due time. Raises AppNotFound, JobNotFound, StoreUnavailable."""
        async with self._locks.jobs(app):
            _, record = await self._known(app, name)
            if record.is_paused:
                resumed = replace(record, is_paused=False, paused_by="", since=self._clock.now())
                await self._store.save(resumed, self._event(actor, Action.JOB_RESUMED, app, name))
        self._wake.set()

    async def history(self, app: str, name: str | None, limit: int) -> tuple[JobRun, ...]:
        """Return runs, newest first, including those of jobs that the live release lacks.

        Raises AppNotFound, JobNotFound.
        """
        await self._live(app)
        runs = await self._store.job_runs(app, name, limit)
        if not runs and name is not None:
            await self._known(app, name)
        return runs

    async def find_run(self, app: str, name: str, number: int | None) -> JobRun:
        """Return the run with this number, by default the newest run that was not skipped or missed.

        Raises AppNotFound, JobNotFound.
        """
        await self._live(app)
        if number is not None:
            run = await self._store.job_run(app, name, number)
        else:
            runs = await self._store.job_runs(app, name)
            run = next((it for it in runs if not it.state.never_ran), None)
        if run is None:
            which = f"no run {number} of a job {name}" if number else f"no run of a job {name} yet"
            raise JobNotFound(f"{app} has {which}", next=f"`pvdify jobs:history {app}` lists the runs")
        return run

    async def output(self, run: JobRun, skip: int) -> tuple[LogLine, ...]:
        """Return the output of a run until now, without its first ``skip`` lines."""
        return await self._job_log.read(run.app, run.job, run.number, skip=skip)

    async def _view(self, name: str, job: Job, record: JobRecord | None, *, is_scheduled: bool, app: str) -> JobView:
        runs = await self._store.job_runs(app, name)
        is_due = record is not None and is_scheduled and not record.is_paused
        return JobView(
            name=name,
            job=job,
            record=record,
            next_due=next_due(record) if record is not None and is_due else None,
            last=next((it for it in runs if it.state.is_over), None),
            is_running=any(it.state is RunState.RUNNING for it in runs),
        )

    async def _live(self, app: str) -> Release | None:
        live = await self._store.active_release(app)
        if live is None and await self._store.app(app) is None:
            raise no_app(app)
        return live

    async def _known(self, app: str, name: str) -> tuple[Job, JobRecord]:
        """Return the job of the live release and its record; a new record if the job was never scheduled.

        Raises AppNotFound, JobNotFound.
        """
        live = await self._live(app)
        job = live.manifest.jobs.get(name) if live else None
        if job is None:
            raise JobNotFound(f"{app} has no job {name}", next=f"`pvdify jobs {app}` lists them")
        records = await self._store.job_records(app)
        now = self._clock.now()
        new = JobRecord(app=app, job=name, schedule="", time_zone="", accounted=now, since=now)
        return job, next((it for it in records if it.job == name), new)

    def _event(self, actor: Actor, action: Action, app: str, text: str) -> Event:
        return Event(at=self._clock.now(), actor=actor.name, action=action, app=app, text=text)
