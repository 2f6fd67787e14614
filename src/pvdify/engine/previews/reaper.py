"""The reaper: ends previews whose lease has run out, whatever did or did not arrive.

It looks at the records every half minute, so nothing depends on an event: not a webhook, not a timer that a restart
would lose. Where it can, it asks the code host, now and then and always right before it ends anything.
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
PAUSE = 30.0
STEP = 60.0  # seconds by which a clock may be wrong before it was set rather than slewed
ASK_EVERY = timedelta(hours=1)
FRESH = timedelta(minutes=2)  # how old the code host's word may be when a preview is ended on it
PATIENCE = timedelta(hours=24)  # how long an end waits for a code host that does not answer
AT_ONCE = 8  # questions to the code host at the same time


class Reaper:
    """Removes previews whose lease has ended, until it is canceled."""

    def __init__(
        self, *, clock: Clock, locks: Locks, store: Store, requests: PreviewRequests, code_host: CodeHost
    ) -> None:
        self._clock, self._locks, self._store = clock, locks, store
        self._requests = requests
        self._code_host = code_host
        self._asking = asyncio.Semaphore(AT_ONCE)
        self._last_look: tuple[datetime, float] | None = None
        self._asked: dict[str, datetime] = {}  # when we last tried, by preview: also without an answer
        self._untold: set[str] = set()  # previews of which the code host says nothing

    async def run(self) -> None:
        """Look, wait, and again."""
        while True:
            await self.look()
            await self._clock.sleep(PAUSE)

    async def look(self) -> None:
        """One look at everything. Never raises: what cannot be done is logged and tried again."""
        try:
            await self._notice_clock()
            await self._adopt()
            now = self._clock.now()
            due = await self._store.previews_due(now, now - ASK_EVERY)
            results = await asyncio.gather(*(self._see_to(preview.name) for preview in due), return_exceptions=True)
            for preview, result in zip(due, results, strict=True):
                if isinstance(result, BaseException):
                    log.warning("reaper.failed", app=preview.name, error=repr(result))
        except PvdifyError as error:
            log.warning("reaper.failed", code=error.code, what=error.what, why=error.why)

    async def _notice_clock(self) -> None:
        """Leases are measured in time that passed: a clock that was set makes none of them longer or shorter.

        While the daemon was down no time was measured, so the clock counts; but no lease gets longer than it is.
        """
        now, monotonic = self._clock.now(), self._clock.monotonic()
        before, self._last_look = self._last_look, (now, monotonic)
        if before is None:
            await self._change_all(lambda preview: previews.bounded(preview, now), "")
            return
        step = (now - before[0]) - timedelta(seconds=monotonic - before[1])
        if abs(step.total_seconds()) > STEP:
            self._asked = {name: moment + step for name, moment in self._asked.items()}
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
        """An app with a preview's name that was deployed like any app gets a lease like any preview."""
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

    async def _see_to(self, name: str) -> None:
        preview = await self._store.preview(name)
        if preview is None or await self._requests.is_ending(name):
            return
        if self._wants_answer(preview):
            await self._ask(preview)
        async with self._locks.previews:
            current = await self._store.preview(name)
            if current is not None and self._is_over(current):
                await self._requests.end(current, _reason(current))
                self._asked.pop(name, None)
                self._untold.discard(name)

    def _wants_answer(self, preview: Preview) -> bool:
        if not self._code_host.is_askable or preview.repository is None:
            return False
        now = self._clock.now()
        is_last_chance = now >= preview.ends_at and now - (preview.asked_at or preview.created_at) > FRESH
        tried = self._asked.get(preview.name)
        return is_last_chance or tried is None or now - tried >= ASK_EVERY

    async def _ask(self, preview: Preview) -> None:
        self._asked[preview.name] = self._clock.now()
        try:
            async with self._asking:
                sign = await self._code_host.pull_request(preview.repository or "", preview.number)
        except CodeHostUnavailable as error:
            self._asked.pop(preview.name)
            log.info("code-host.unavailable", app=preview.name, why=error.why)
            return
        if sign is None:
            self._untold.add(preview.name)
            return
        self._untold.discard(preview.name)
        async with self._locks.previews:
            current = await self._store.preview(preview.name)
            if current is not None:
                await self._requests.note_pull_request(current, sign, PVDIFY)

    def _is_over(self, preview: Preview) -> bool:
        now = self._clock.now()
        if now < preview.ends_at:
            return False
        is_asked = self._code_host.is_askable and preview.repository is not None and preview.name not in self._untold
        if not is_asked or now >= preview.ends_at + PATIENCE:
            return True
        return preview.asked_at is not None and now - preview.asked_at <= FRESH


def _reason(preview: Preview) -> str:
    if preview.closed_at is not None:
        return f"pull request {preview.number} was closed at {preview.closed_at:%Y-%m-%d %H:%M}Z"
    return f"no sign of pull request {preview.number} since {preview.renewed_at:%Y-%m-%d %H:%M}Z"
