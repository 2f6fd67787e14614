"""Runs of scheduled jobs: decide whether a run may start, start and follow it, and record how it ended."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta

import structlog

from pvdify.engine.running.environment import Environments
from pvdify.engine.running.specs import job_spec
from pvdify.engine.world.concurrency import Locks
from pvdify.errors import PvdifyError, StartFailed
from pvdify.manifest.definition import Job
from pvdify.model.action import Action
from pvdify.model.copied_output import CopiedOutput
from pvdify.model.event import Event
from pvdify.model.instance import Exit, FoundInstance, InstanceState
from pvdify.model.job import JobRecord, JobRun, RunState, window
from pvdify.model.names import job_name
from pvdify.model.operation import OperationKind, OperationState, Strategy
from pvdify.model.release import Release, grace_of
from pvdify.model.slot import SlotState
from pvdify.ports.clock import Clock
from pvdify.ports.instance_logs import InstanceLogs
from pvdify.ports.instances import Instances
from pvdify.ports.job_log import JobLog
from pvdify.ports.store import Store
from pvdify.quantities import write_seconds
from pvdify.settings import Settings
from pvdify.timing import first_of

log = structlog.get_logger()
MOST_AT_ONCE = 10  # parallel runs of one job with `overlap: allow`
LEAST_AGE = timedelta(days=8)  # longer than a clock is set back: a due time whose run was deleted would run again
GONE = "its container was removed while pvdify did not run"
REBOOTED = "the server went down while it ran"
Key = tuple[str, str, int]


@dataclass(frozen=True, kw_only=True)
class _Start:
    """The run may start now, with this release."""

    release: Release
    job: Job


@dataclass(frozen=True, kw_only=True)
class _Wait:
    """The run has to wait, at most for its job's ``catch_up``."""

    why: str


@dataclass(frozen=True, kw_only=True)
class _Drop:
    """The run will never start."""

    state: RunState
    cause: str


class JobRuns:
    """Starts and follows runs, from their due time to their end.

    Args:
        wake: set when a run ends, so that the next queued run starts at once.
    """

    def __init__(  # noqa: PLR0913 - one for each port and part
        self, *, clock: Clock, instance_logs: InstanceLogs, instances: Instances, job_log: JobLog, locks: Locks,
        settings: Settings, store: Store, environments: Environments, wake: asyncio.Event,
    ) -> None:  # fmt: skip
        self._clock, self._instance_logs, self._instances = clock, instance_logs, instances
        self._job_log, self._locks, self._settings, self._store = job_log, locks, settings, store
        self._environments = environments
        self._wake = wake
        self._followed: dict[Key, asyncio.Task[None]] = {}

    async def advance(self, app: str) -> None:
        """Start runs of the app that may start, and follow running ones.

        Raises RuntimeUnavailable, StoreUnavailable, SecretsUnavailable.
        """
        for run in await self._store.unsettled_job_runs(app):
            key = (run.app, run.job, run.number)
            if key in self._followed:
                continue
            async with self._locks.instances(app):
                begun = await self._begin(key)
            if begun is not None:
                task = asyncio.create_task(self._follow(key, begun[0], is_of_earlier_boot=begun[1]))
                self._followed[key] = task

    async def close(self) -> None:
        """Stop following runs. Their containers keep running."""
        tasks = tuple(self._followed.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _begin(self, key: Key) -> tuple[JobRun, bool] | None:
        """Start the run if it may start; return the run to follow and whether its container is from before a reboot.

        Return None if there is nothing to follow. The caller holds the lock of the app's instances.
        """
        run = await self._store.job_run(*key)
        if run is None or run.state.is_over:
            return None
        found = await self._found(key) if run.state is RunState.RUNNING else None
        if found is not None and found.state is not InstanceState.CREATED:
            run = run if run.started_at else await self._started(run, found)
            return run, found.is_of_earlier_boot
        if run.started_at is not None:
            await self._end(key, None, GONE)
            return None
        match await self._decide(run):
            case _Drop() as drop:
                await self._end(key, None, drop.cause, drop.state)
            case _Start() as start:
                return await self._start(run, start)
        return None

    async def _found(self, key: Key) -> FoundInstance | None:
        name = job_name(*key)
        return next((it for it in await self._instances.find(key[0]) if it.name == name), None)

    async def _started(self, run: JobRun, found: FoundInstance | None = None) -> JobRun:
        started = replace(run, started_at=(found.started_at if found else None) or self._clock.now())
        await self._store.save(started)
        return started

    async def _start(self, run: JobRun, start: _Start) -> tuple[JobRun, bool] | None:
        """Record the run as running, then start its container. Return None if the start fails."""
        release = start.release
        around = await self._environments.of(release)
        run = replace(run, state=RunState.RUNNING, release=release.version)
        await self._store.save(run)
        try:
            await self._instances.start(job_spec(release, start.job, run, around))
        except StartFailed as error:
            await self._end((run.app, run.job, run.number), None, error.why or error.what, RunState.FAILED)
            return None
        log.info("job.started", app=run.app, job=run.job, run=run.number, release=release.version)
        return await self._started(run), False

    async def _decide(self, run: JobRun) -> _Start | _Wait | _Drop:
        store = self._store
        live = await store.active_release(run.app)
        job = live.manifest.jobs.get(run.job) if live else None
        if live is None or job is None:
            return _Drop(state=RunState.SKIPPED, cause="the live release has no such job any more")
        if run.interrupted_by:
            return _Drop(state=RunState.INTERRUPTED, cause=run.interrupted_by)
        if (await store.scale(run.app)).is_stopped:
            return _Drop(state=RunState.SKIPPED, cause="the app was stopped")
        before = [it for it in await store.unsettled_job_runs(run.app) if it.job == run.job and it.number < run.number]
        if before and job.overlap == "skip" and run.due_at is not None:
            return _Drop(state=RunState.SKIPPED, cause=f"run {before[0].number} had not ended")
        why = await self._reason_to_wait(run, live, job, before)
        if run.due_at is not None and self._clock.now() - run.due_at > window(job):
            return _Drop(state=RunState.MISSED, cause=why or "pvdify could not start it in time")
        return _Wait(why=why) if why else _Start(release=live, job=job)

    async def _reason_to_wait(self, run: JobRun, live: Release, job: Job, before: list[JobRun]) -> str:
        """Return why the run cannot start yet, or ""."""
        most = MOST_AT_ONCE if job.overlap == "allow" else 1
        if len(before) >= most:
            return f"run {before[-1].number} had not ended"
        for operation in await self._store.unsettled_operations(run.app):
            is_handing_over = operation.kind in (OperationKind.DEPLOY, OperationKind.ROLLBACK) and (
                operation.strategy is not Strategy.BLUE_GREEN and operation.state is not OperationState.QUEUED
            )
            if is_handing_over or operation.kind is OperationKind.DESTROY:
                return "the app was handed over to another release" if is_handing_over else "the app was destroyed"
        slot = await self._store.slot(run.app, live.slot or live.version)
        return "" if slot is not None and slot.state is SlotState.LIVE else f"v{live.version} did not run"

    async def _follow(self, key: Key, run: JobRun, *, is_of_earlier_boot: bool) -> None:
        """Copy the run's output until the run ends, then record the end."""
        try:
            release = await self._store.release(run.app, run.release or 0)
            job = release.manifest.jobs.get(run.job) if release else None
            grace = grace_of(release)
            how, cause = await self._wait(key, run, job, grace)
            state = None
            if is_of_earlier_boot:
                state, cause = RunState.INTERRUPTED, REBOOTED
            await self._end(key, how, cause, state)
        except PvdifyError as error:
            log.warning("job.lost_sight", app=run.app, job=run.job, run=run.number, what=error.what, why=error.why)
        finally:
            self._followed.pop(key, None)
            self._wake.set()

    async def _wait(self, key: Key, run: JobRun, job: Job | None, grace: float) -> tuple[Exit, str]:
        """Wait for the end; return the exit, and the cause if the run was stopped because of its timeout, else ""."""
        name, instances = job_name(*key), self._instances
        ended = asyncio.Event()
        output = asyncio.create_task(self._copy_output(key, ended))
        try:
            how, cause = await self._before_deadline(name, self._left(run, job)), ""
            if how is None:
                await instances.stop(name, grace)
                how = await instances.wait(name)
                limit = write_seconds(job.timeout) if job else ""
                cause = f"did not end within {limit} (`timeout`) and was stopped"
            ended.set()
            await output
        finally:
            output.cancel()
            with suppress(asyncio.CancelledError, PvdifyError):
                await output
        return how, cause

    def _left(self, run: JobRun, job: Job | None) -> float:
        """Return the seconds until the run's timeout, counted from its start, even if an earlier daemon started it."""
        ran = (self._clock.now() - run.started_at).total_seconds() if run.started_at else 0.0
        return max(0.0, job.timeout - max(0.0, ran)) if job else 0.0

    async def _before_deadline(self, name: str, left: float) -> Exit | None:
        ended, _ = await first_of(self._instances.wait(name), self._clock.sleep(left))
        return ended

    async def _copy_output(self, key: Key, ended: asyncio.Event) -> None:
        """Append the run's output to the job log while it is written, without the lines that the log has already."""
        copied = CopiedOutput(line.text for line in await self._job_log.read(*key))
        async for lines in self._instance_logs.output(job_name(*key), ended):
            if fresh := copied.fresh(lines):
                await self._job_log.append(*key, fresh)

    async def _end(self, key: Key, how: Exit | None, cause: str, state: RunState | None = None) -> None:
        """Record how the run ended, then remove its container, which keeps the exit code until it is recorded."""
        app, job, number = key
        async with self._locks.jobs(app):
            run = await self._store.job_run(*key)
            record = next((it for it in await self._store.job_records(app) if it.job == job), None)
            if run is None or record is None or run.state.is_over:
                return
            over = self._over(run, how, cause, state)
            await self._store.save(over, *_noted(record, over), self._event(over))
        if over.state.never_ran:
            return
        await self._instances.remove(job_name(*key))
        last = number - self._settings.keep_job_runs
        await self._job_log.forget(app, job, last)
        await self._store.forget_job_runs(app, job, last, self._clock.now() - LEAST_AGE)

    def _over(self, run: JobRun, how: Exit | None, cause: str, state: RunState | None) -> JobRun:
        if state is None:
            is_good = how is not None and how.code == 0 and not how.is_out_of_memory and not cause
            state = RunState.SUCCEEDED if is_good else RunState.FAILED
            if run.interrupted_by or how is None:
                state, cause = RunState.INTERRUPTED, run.interrupted_by or cause
        if state is RunState.FAILED and not cause:
            cause = str(how)
        return replace(
            run,
            state=state,
            ended_at=self._clock.now(),
            exit_code=how.code if how else None,
            is_out_of_memory=how.is_out_of_memory if how else False,
            cause=cause,
        )

    def _event(self, run: JobRun) -> Event:
        took = f" after {run.seconds:.0f} s" if run.seconds is not None else ""
        return Event(
            at=self._clock.now(), actor=run.created_by, action=Action(f"job.{run.state.value}"), app=run.app,
            release=run.release, text=f"{run.job}, run {run.number}{took}{f': {run.cause}' if run.cause else ''}",
        )  # fmt: skip


def _noted(record: JobRecord, run: JobRun) -> tuple[JobRecord]:
    """Return the job's record after a run."""
    after = record.counted(run.state)
    if run.seconds is not None:
        after = replace(after, last_seconds=run.seconds)
    if run.state is RunState.SUCCEEDED:
        reference = max(filter(None, (run.due_at or run.started_at, record.last_success)), default=None)
        after = replace(after, last_success=reference, is_overdue=False)
    return (after,)
