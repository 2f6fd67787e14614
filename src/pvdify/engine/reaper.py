"""The reaper: ends previews whose lease has run out, whatever did or did not arrive.

It looks at the records every half minute, so nothing depends on an event: not a webhook, not a timer that a restart
would lose. Where it can, it asks the code host, now and then and always right before it ends anything.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from pvdify.engine.previews import PVDIFY, PreviewRequests
from pvdify.engine.world import World
from pvdify.errors import CodeHostUnavailable, PvdifyError
from pvdify.manifest.definition import Previews as Policy
from pvdify.model import preview as previews
from pvdify.model.event import Event
from pvdify.model.names import parent_of
from pvdify.model.preview import Preview
from pvdify.ports.code_host import CodeHost

log = structlog.get_logger()
PAUSE = 30.0
STEP = 60.0  # seconds by which a clock may be wrong before it was set rather than slewed
ASK_EVERY = timedelta(hours=1)
FRESH = timedelta(minutes=2)  # how old the code host's word may be when a preview is ended on it
PATIENCE = timedelta(hours=24)  # how long an end waits for a code host that does not answer
AT_ONCE = 8  # questions to the code host at the same time


class Reaper:
    """Looks until it is canceled."""

    def __init__(self, world: World, requests: PreviewRequests, code_host: CodeHost) -> None:
        self._world = world
        self._requests = requests
        self._code_host = code_host
        self._asking = asyncio.Semaphore(AT_ONCE)
        self._last_look: tuple[datetime, float] | None = None
        self._asked: dict[str, datetime] = {}  # when we last tried, by preview: also where nobody answered
        self._untold: set[str] = set()  # previews of which the code host tells nothing

    async def run(self) -> None:
        """Look, wait, and again."""
        while True:
            await self.look()
            await self._world.clock.sleep(PAUSE)

    async def look(self) -> None:
        """One look at everything. Never raises: what cannot be done is logged and tried again."""
        try:
            await self._notice_clock()
            await self._adopt()
            now = self._world.clock.now()
            due = await self._world.store.previews_due(now, now - ASK_EVERY)
            results = await asyncio.gather(*(self._see_to(preview.name) for preview in due), return_exceptions=True)
            for preview, result in zip(due, results, strict=True):
                if isinstance(result, BaseException):
                    log.warning("reaper.failed", app=preview.name, error=repr(result))
        except PvdifyError as error:
            log.warning("reaper.failed", code=error.code, what=error.what, why=error.why)

    async def _notice_clock(self) -> None:
        """Leases are measured in time that passed: a clock that was set makes none of them longer or shorter.

        While the daemon was down nobody measured, so then the clock is believed; but no lease gets longer than it is.
        """
        now, monotonic = self._world.clock.now(), self._world.clock.monotonic()
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
        async with self._world.locks.previews:
            found = await self._world.store.previews()
            changed = [after for before in found if (after := change(before)) != before]
            if changed:
                note = Event(at=self._world.clock.now(), actor=PVDIFY.name, action="clock.set", text=why)
                await self._world.store.save(*changed, *([note] if why else []))

    async def _adopt(self) -> None:
        """An app with a preview's name that was deployed like any app gets a lease like any preview."""
        for name in await self._world.store.unleased_previews():
            found = parent_of(name)
            if found is None:
                continue
            async with self._world.locks.previews:
                now = self._world.clock.now()
                live = await self._world.store.active_release(name)
                policy = live.manifest.previews if live else Policy()
                adopted = previews.new_preview(name, *found, policy, now)
                note = Event(at=now, actor=PVDIFY.name, action="preview.opened", app=name, text="found as an app")
                if await self._world.store.preview(name) is None:
                    await self._world.store.save(adopted, note)

    async def _see_to(self, name: str) -> None:
        preview = await self._world.store.preview(name)
        if preview is None or await self._requests.is_ending(name):
            return
        if self._wants_answer(preview):
            await self._ask(preview)
        async with self._world.locks.previews:
            current = await self._world.store.preview(name)
            if current is not None and self._is_over(current):
                await self._requests.end(current, _reason(current))
                self._asked.pop(name, None)
                self._untold.discard(name)

    def _wants_answer(self, preview: Preview) -> bool:
        if not self._code_host.is_askable or preview.repository is None:
            return False
        now = self._world.clock.now()
        is_last_chance = now >= preview.ends_at and now - (preview.asked_at or preview.created_at) > FRESH
        tried = self._asked.get(preview.name)
        return is_last_chance or tried is None or now - tried >= ASK_EVERY

    async def _ask(self, preview: Preview) -> None:
        self._asked[preview.name] = self._world.clock.now()
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
        async with self._world.locks.previews:
            current = await self._world.store.preview(preview.name)
            if current is not None:
                await self._requests.hear(current, sign, PVDIFY)

    def _is_over(self, preview: Preview) -> bool:
        now = self._world.clock.now()
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
