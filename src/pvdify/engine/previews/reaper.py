"""The reaper: removes previews whose lease has ended.

It checks the records every 30 s, so it does not depend on webhooks, or on timers that a restart would lose. If the code
host can be asked, the reaper asks it about each pull request every hour, and again right before it removes a preview.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from pvdify.engine.previews.previews import PreviewRequests
from pvdify.engine.world.concurrency import Locks
from pvdify.errors import CodeHostUnavailable, PvdifyError
from pvdify.manifest.definition import Previews as Policy
from pvdify.model import preview as previews
from pvdify.model.action import Action
from pvdify.model.event import Event
from pvdify.model.names import parent_of
from pvdify.model.preview import Preview
from pvdify.model.token import PVDIFY
from pvdify.ports.clock import Clock
from pvdify.ports.code_host import CodeHost
from pvdify.ports.store import Store

log = structlog.get_logger()
PAUSE = 30.0  # seconds between two passes
STEP = 60.0  # seconds; a larger jump of the clock means that the clock was set, not slewed
ASK_EVERY = timedelta(hours=1)
FRESH = timedelta(minutes=2)  # maximum age of the code host's answer when a preview is removed
PATIENCE = timedelta(hours=24)  # after this time, a preview is removed even if the code host does not answer
AT_ONCE = 8  # concurrent requests to the code host


class Reaper:
    """Removes previews whose lease has ended, until canceled."""

    def __init__(
        self, *, clock: Clock, locks: Locks, store: Store, requests: PreviewRequests, code_host: CodeHost
    ) -> None:
        self._clock, self._locks, self._store = clock, locks, store
        self._requests = requests
        self._code_host = code_host
        self._asking = asyncio.Semaphore(AT_ONCE)
        self._last_pass: tuple[datetime, float] | None = None
        self._requested: dict[str, datetime] = {}  # preview -> time of the last request to the code host
        self._unknown: set[str] = set()  # previews whose pull request the code host does not know

    async def run(self) -> None:
        """Check all previews every 30 s until canceled."""
        while True:
            await self.check_all()
            await self._clock.sleep(PAUSE)

    async def check_all(self) -> None:
        """Check all previews once. Errors are logged; the next pass retries."""
        try:
            await self._notice_clock()
            await self._adopt()
            now = self._clock.now()
            due = await self._store.previews_due(now, now - ASK_EVERY)
            results = await asyncio.gather(*(self._check(preview.name) for preview in due), return_exceptions=True)
            for preview, result in zip(due, results, strict=True):
                if isinstance(result, BaseException):
                    log.warning("reaper.failed", app=preview.name, error=repr(result))
        except PvdifyError as error:
            log.warning("reaper.failed", code=error.code, what=error.what, why=error.why)

    async def _notice_clock(self) -> None:
        """Move all leases if the clock was set, so that no lease becomes longer or shorter.

        After a start, the time that passed is unknown, so the leases follow the clock; but none is extended.
        """
        now, monotonic = self._clock.now(), self._clock.monotonic()
        before, self._last_pass = self._last_pass, (now, monotonic)
        if before is None:
            await self._change_all(lambda preview: previews.bounded(preview, now), "")
            return
        step = (now - before[0]) - timedelta(seconds=monotonic - before[1])
        if abs(step.total_seconds()) > STEP:
            self._requested = {name: moment + step for name, moment in self._requested.items()}
            await self._change_all(
                lambda preview: previews.moved(preview, step), f"the clock was set by {step.total_seconds():+.0f} s"
            )

    async def _change_all(self, change: Callable[[Preview], Preview], why: str) -> None:
        async with self._locks.previews:
            found = await self._store.previews()
            changed = [after for before in found if (after := change(before)) != before]
            if changed:
                note = Event(at=self._clock.now(), actor=PVDIFY.name, action=Action.CLOCK_SET, text=why)
                await self._store.save(*changed, *([note] if why else []))

    async def _adopt(self) -> None:
        """Create the missing records of previews that were deployed like ordinary apps, so that they get a lease."""
        for name in await self._store.unleased_previews():
            found = parent_of(name)
            if found is None:
                continue
            async with self._locks.previews:
                now = self._clock.now()
                live = await self._store.active_release(name)
                policy = live.manifest.previews if live else Policy()
                adopted = previews.new_preview(name, *found, policy, now)
                note = Event(at=now, actor=PVDIFY.name, action=Action.PREVIEW_OPENED, app=name, text="found as an app")
                if await self._store.preview(name) is None:
                    await self._store.save(adopted, note)

    async def _check(self, name: str) -> None:
        preview = await self._store.preview(name)
        if preview is None or await self._requests.is_ending(name):
            return
        if self._wants_answer(preview):
            await self._ask(preview)
        async with self._locks.previews:
            current = await self._store.preview(name)
            if current is not None and self._is_over(current):
                await self._requests.end(current, _reason(current))
                self._requested.pop(name, None)
                self._unknown.discard(name)

    def _wants_answer(self, preview: Preview) -> bool:
        if not self._code_host.is_askable or preview.repository is None:
            return False
        now = self._clock.now()
        is_last_chance = now >= preview.ends_at and now - (preview.asked_at or preview.created_at) > FRESH
        tried = self._requested.get(preview.name)
        return is_last_chance or tried is None or now - tried >= ASK_EVERY

    async def _ask(self, preview: Preview) -> None:
        self._requested[preview.name] = self._clock.now()
        try:
            async with self._asking:
                sign = await self._code_host.pull_request(preview.repository or "", preview.number)
        except CodeHostUnavailable as error:
            self._requested.pop(preview.name)
            log.info("code-host.unavailable", app=preview.name, why=error.why)
            return
        if sign is None:
            self._unknown.add(preview.name)
            return
        self._unknown.discard(preview.name)
        async with self._locks.previews:
            current = await self._store.preview(preview.name)
            if current is not None:
                await self._requests.note_pull_request(current, sign, PVDIFY)

    def _is_over(self, preview: Preview) -> bool:
        now = self._clock.now()
        if now < preview.ends_at:
            return False
        is_asked = self._code_host.is_askable and preview.repository is not None and preview.name not in self._unknown
        if not is_asked or now >= preview.ends_at + PATIENCE:
            return True
        return preview.asked_at is not None and now - preview.asked_at <= FRESH


def _reason(preview: Preview) -> str:
    if preview.closed_at is not None:
        return f"pull request {preview.number} was closed at {preview.closed_at:%Y-%m-%d %H:%M}Z"
    return f"no sign of pull request {preview.number} since {preview.renewed_at:%Y-%m-%d %H:%M}Z"
