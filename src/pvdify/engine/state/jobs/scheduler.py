"""The scheduler: accounts for each due time of each job, starts runs, and records how they ended.

A due time and its run are written in one transaction. A run is recorded as running before its container is created, and
the container's name is computed from the run. So a daemon that was killed at any point finds the container, and no due
time runs twice. Each pass is level-triggered: a restart, or a clock that was set, loses no due time.
"""

import asyncio
from datetime import datetime, timedelta

import structlog

from pvdify.engine.state.jobs.due_times import NOT_RUNNING, STEP, DueTimes, jobs_of
from pvdify.engine.state.jobs.runs import JobRuns
from pvdify.engine.world.concurrency import settle
from pvdify.errors import PvdifyError
from pvdify.ports.clock import Clock
from pvdify.ports.store import Store
from pvdify.timing import first_of

log = structlog.get_logger()
PAUSE = 5.0  # seconds between two checks whether a pass is due, unless a job is due earlier


class Scheduler:
    """Schedules the jobs of all apps until canceled.

    Args:
        wake: starts the next pass at once when set.
    """

    def __init__(self, *, clock: Clock, store: Store, due_times: DueTimes, runs: JobRuns, wake: asyncio.Event) -> None:
        self._clock, self._store, self._due_times, self._runs = clock, store, due_times, runs
        self._wake = wake
        self._last_pass: tuple[datetime, float] | None = None
        self._late = NOT_RUNNING
        self._seen_writes = -1
        self._is_settled = False  # whether no run is unfinished, and the last pass had no error
        self._next: dict[tuple[str, str], datetime] = {}  # (app, job) -> next due time

    async def run(self) -> None:
        """Advance all jobs, wait until a job is due or a run ends, and repeat until canceled."""
        try:
            while True:
                self._wake.clear()
                await self.advance_all()
                await self._pause()
        finally:
            await self.close()

    async def close(self) -> None:
        """Stop following runs. Their containers keep running, and the next daemon follows them."""
        await self._runs.close()

    async def advance_all(self) -> None:
        """Account for due times and advance the runs of all apps once. Errors are logged; the next pass retries."""
        self._is_settled = False
        try:
            self._notice_clock()
            store = self._store
            self._seen_writes = store.writes
            live = {release.app: release for release in await store.active_releases()}
            records = await store.job_records()
            unsettled = await store.unsettled_job_runs()
            wanted = {app for app, release in live.items() if jobs_of(release)}
            apps = wanted | {it.app for it in records} | {it.app for it in unsettled}
            self._next = {}
            self._is_settled = all(await settle(*(self._advance(app) for app in sorted(apps)))) and not unsettled
        except PvdifyError as error:
            log.warning("jobs.failed", code=error.code, what=error.what, why=error.why)

    def _notice_clock(self) -> None:
        """Determine the cause to record for due times that were missed since the last pass."""
        now, monotonic = self._clock.now(), self._clock.monotonic()
        before, self._last_pass = self._last_pass, (now, monotonic)
        if before is None:
            self._late = NOT_RUNNING
            return
        step = _step(before, now, monotonic)
        forward = f"the clock was set forward by {step.total_seconds():.0f} s"
        self._late = forward if step > STEP else "pvdifyd was too busy to start it in time"

    async def _advance(self, app: str) -> bool:
        """Advance the app's jobs; return False after an error, which is logged."""
        try:
            due = await self._due_times.until_now(app, self._late)
            self._next |= {(app, name): at for name, at in due.items()}
            await self._runs.advance(app)
        except PvdifyError as error:
            log.warning("jobs.failed", app=app, code=error.code, what=error.what, why=error.why)
        except Exception:
            log.exception("jobs.crashed", app=app)
        else:
            return True
        return False

    async def _pause(self) -> None:
        """Wait until a pass can have something to do: a job is due, a record was written, the clock was set, or a wake.

        While a run is unfinished, a pass is due every 5 s.
        """
        while True:
            now = self._clock.now()
            waits = [(due - now).total_seconds() for due in self._next.values() if due > now]
            await first_of(self._clock.sleep(max(0.05, min([PAUSE, *waits]))), self._wake.wait())
            if self._wake.is_set() or not self._is_settled or self._is_pass_due(self._clock.now()):
                return

    def _is_pass_due(self, now: datetime) -> bool:
        """Return whether a job is due, a record was written, or the clock was set. Reads nothing from the store."""
        if self._store.writes != self._seen_writes or any(due <= now for due in self._next.values()):
            return True
        before = self._last_pass
        return before is None or abs(_step(before, now, self._clock.monotonic())) > STEP


def _step(before: tuple[datetime, float], now: datetime, monotonic: float) -> timedelta:
    """Return by how much the clock was set since ``before``."""
    return (now - before[0]) - timedelta(seconds=monotonic - before[1])
