"""Records due times: each one gets a run, or is recorded as missed or skipped with the cause."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from pvdify.engine.world.concurrency import Locks
from pvdify.manifest.definition import Job
from pvdify.model.action import Action
from pvdify.model.event import Event
from pvdify.model.job import JobRecord, JobRun, Moment, RunState, account, next_due, overdue_since, set_back
from pvdify.model.names import Environment, environment_of
from pvdify.model.release import Release
from pvdify.model.token import PVDIFY
from pvdify.ports.clock import Clock
from pvdify.ports.store import Store

STEP = timedelta(seconds=60)  # a larger jump of the clock means that the clock was set, not slewed
NOT_RUNNING = "pvdify did not run at that time"


def jobs_of(live: Release | None) -> Mapping[str, Job]:
    """Return the scheduled jobs of the live release; none in a preview unless the manifest enables jobs there."""
    if live is None:
        return {}
    is_preview = environment_of(live.app) is Environment.PREVIEW
    return live.manifest.jobs if live.manifest.previews.jobs or not is_preview else {}


class DueTimes:
    """Records due times. Called by the scheduler in each pass, and by a switch before the live release changes."""

    def __init__(self, *, clock: Clock, locks: Locks, store: Store) -> None:
        self._clock, self._locks, self._store = clock, locks, store

    async def until_now(self, app: str, late: str = NOT_RUNNING) -> dict[str, datetime]:
        """Account for each due time of the app until now; return the next due time of each job.

        ``late``: the cause that is recorded for due times that were missed. Raises StoreUnavailable.
        """
        async with self._locks.jobs(app):
            live = await self._store.active_release(app)
            jobs = jobs_of(live)
            records = {it.job: it for it in await self._store.job_records(app)}
            moment: Moment | None = None
            due = {it.job: at for it in records.values() if (at := next_due(it)) is not None}
            for name in sorted({*jobs, *records}):
                if self._is_quiet(records.get(name), jobs.get(name)):
                    continue
                moment = moment or await self._moment(app, live, late)
                after = await self._account_job(app, name, records.get(name), jobs.get(name), moment)
                if after is not None and (at := next_due(after)) is not None:
                    due[name] = at
            return due

    def _is_quiet(self, record: JobRecord | None, job: Job | None) -> bool:
        """Return whether the job needs no accounting: same schedule, nothing due, and not newly overdue."""
        if record is None:
            return job is None
        now = self._clock.now()
        if (job.schedule if job else "", job.time_zone if job else "") != (record.schedule, record.time_zone):
            return False
        if job is None:
            return True
        due = next_due(record)
        is_late = not record.is_overdue and not record.is_paused and _is_overdue(record, job, now)
        return record.accounted - now <= STEP and (due is None or due > now) and not is_late

    async def _moment(self, app: str, live: Release | None, late: str) -> Moment:
        now = self._clock.now()
        slot = await self._store.slot(app, live.slot or live.version) if live else None
        scale = await self._store.scale(app)
        held = f"the app was stopped by {scale.changed_by or 'a person'}" if scale.is_stopped else ""
        return Moment(now=now, begun=slot.since if slot else now, held=held, late=late)

    async def _account_job(
        self, app: str, name: str, record: JobRecord | None, job: Job | None, moment: Moment
    ) -> JobRecord | None:
        store = self._store
        known = set_back(record, moment.now) if record else None
        if known is not None and known.is_paused:
            moment = replace(moment, held=f"the job was paused by {known.paused_by}")
        last = next(iter(await store.job_runs(app, name, 1)), None)
        after, made = account(known, job, app, name, moment, last)
        if after is None:
            return None
        runs = [run for run in made if run.state is not RunState.DUE or not await self._has_run(run)]
        events = [self._event(run, moment.now) for run in runs if run.state.never_ran and run.number != _of(last)]
        is_under_way = any(not it.state.is_over for it in (*runs, *([last] if last else [])))
        may_be_late = job is not None and not moment.held and not is_under_way and not after.is_overdue
        if job is not None and may_be_late and _is_overdue(after, job, moment.now):
            after = replace(after, is_overdue=True)
            events.append(self._overdue(after, moment.now))
        # a new value of "accounted" alone does not justify a write every few seconds
        is_changed = record is None or known != record or replace(after, accounted=record.accounted) != record
        if runs or made or events or is_changed:
            await store.save(after, *runs, *events)
        return after

    async def _has_run(self, run: JobRun) -> bool:
        """Return whether this due time has a run already, from before the clock was set back."""
        return run.due_at is not None and await self._store.has_run_of(run.app, run.job, run.due_at)

    def _event(self, run: JobRun, now: datetime) -> Event:
        return Event(
            at=now, actor=PVDIFY.name, action=Action(f"job.{run.state.value}"), app=run.app, text=passed_text(run)
        )

    def _overdue(self, record: JobRecord, now: datetime) -> Event:
        success = f"{record.last_success:%Y-%m-%d %H:%M}Z" if record.last_success else "never"
        text = f"{record.job} has not succeeded for longer than it should; last success: {success}"
        return Event(at=now, actor=PVDIFY.name, action=Action.JOB_OVERDUE, app=record.app, text=text)


def passed_text(run: JobRun) -> str:
    """Return the text of an event about due times that never ran."""
    due = f"{run.due_at:%Y-%m-%d %H:%M}Z" if run.due_at else "now"
    more = f" and {run.due_count - 1} more until {run.last_due_at:%Y-%m-%d %H:%M}Z" if run.due_count > 1 else ""
    return f"{run.job}, due at {due}{more}: {run.cause}"


def _is_overdue(record: JobRecord, job: Job, now: datetime) -> bool:
    limit = overdue_since(record, job)
    return limit is not None and limit < now


def _of(run: JobRun | None) -> int | None:
    return run.number if run else None
