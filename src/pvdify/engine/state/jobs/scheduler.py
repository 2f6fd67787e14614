"""The scheduler: accounts for each due time of each job, starts runs, and records how they ended.

A due time and its run are written in one transaction, and a run is recorded as running before its container is made,
under a name that is computed from the run. So a daemon that was killed anywhere looks the container up, and no due time
runs twice. The look at the records is level-triggered: a restart or a clock that was set loses nothing.
"""

import asyncio
from datetime import datetime, timedelta

import structlog

from pvdify.engine.state.jobs.accounting import NOT_RUNNING, STEP, Accounting, jobs_of
from pvdify.engine.state.jobs.runs import JobRuns
from pvdify.engine.world.concurrency import settle
from pvdify.errors import PvdifyError
from pvdify.ports.clock import Clock
from pvdify.ports.store import Store
from pvdify.timing import first_of

log = structlog.get_logger()
PAUSE = 5.0  # seconds between two looks where nothing is due before


class Scheduler:
    """Looks until it is canceled.

    Args:
        wake: set to look soon.
    """

    def __init__(
        self, *, clock: Clock, store: Store, accounting: Accounting, runs: JobRuns, wake: asyncio.Event
    ) -> None:
        self._clock, self._store, self._accounting, self._runs = clock, store, accounting, runs
        self._wake = wake
        self._last_look: tuple[datetime, float] | None = None
        self._late = NOT_RUNNING
        self._next: dict[tuple[str, str], datetime] = {}  # when each job is due

    async def run(self) -> None:
        """Look, wait until something is due or a run ended, and again."""
        try:
            while True:
                self._wake.clear()
                await self.look()
                await self._pause()
        finally:
            await self.close()

    async def close(self) -> None:
        """Follow no run any more; their containers go on, and the next daemon takes them up."""
        await self._runs.close()

    async def look(self) -> None:
        """Look at everything once. Never raises: what cannot be done is logged and tried again."""
        try:
            self._notice_clock()
            store = self._store
            live = {release.app: release for release in await store.active_releases()}
            records = await store.job_records()
            unsettled = await store.unsettled_job_runs()
            wanted = {app for app, release in live.items() if jobs_of(release)}
            apps = wanted | {it.app for it in records} | {it.app for it in unsettled}
            self._next = {}
            await settle(*(self._see_to(app) for app in sorted(apps)))
        except PvdifyError as error:
            log.warning("jobs.failed", code=error.code, what=error.what, why=error.why)

    def _notice_clock(self) -> None:
        """Note why due times may have passed unseen since the last look."""
        now, monotonic = self._clock.now(), self._clock.monotonic()
        before, self._last_look = self._last_look, (now, monotonic)
        if before is None:
            self._late = NOT_RUNNING
            return
        step = (now - before[0]) - timedelta(seconds=monotonic - before[1])
        forward = f"the clock was set forward by {step.total_seconds():.0f} s"
        self._late = forward if step > STEP else "pvdify did not look in time"

    async def _see_to(self, app: str) -> None:
        try:
            due = await self._accounting.until_now(app, self._late)
            self._next |= {(app, name): at for name, at in due.items()}
            await self._runs.advance(app)
        except PvdifyError as error:
            log.warning("jobs.failed", app=app, code=error.code, what=error.what, why=error.why)
        except Exception:
            log.exception("jobs.crashed", app=app)

    async def _pause(self) -> None:
        """Wait for the next due time, a few seconds at most, or until a run ends or is asked for."""
        now = self._clock.now()
        waits = [(due - now).total_seconds() for due in self._next.values() if due > now]
        await first_of(self._clock.sleep(max(0.05, min([PAUSE, *waits]))), self._wake.wait())
