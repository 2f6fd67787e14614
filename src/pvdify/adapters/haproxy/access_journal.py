"""The ``access_log`` port on the journal, for a router that runs as a systemd unit."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import datetime

from pvdify.adapters.haproxy import access_log
from pvdify.errors import RuntimeUnavailable
from pvdify.model.visit import CutVisits, Visit, count_cut
from pvdify.plumbing.command_runner import Argv, CommandRunner
from pvdify.ports.clock import Clock

MOST = 200_000  # entries that ``tail`` reads at most to find an app's last visits
_PAUSE = 0.5  # seconds before the journal is followed again, and without a line before None is yielded
_END = "\0"  # marks the end of the stream; no line of the journal equals it


class AccessLogJournal:
    """Implements ``ports.access_log.AccessLog`` on a unit's messages."""

    def __init__(self, unit: str, *, runner: CommandRunner, clock: Clock) -> None:
        self._unit = unit
        self._runner = runner
        self._clock = clock

    async def tail(self, lines: int, *, app: str | None = None) -> tuple[Visit, ...]:
        found: deque[Visit] = deque()
        if lines <= 0:
            return ()
        with suppress(RuntimeUnavailable):
            async with self._runner.stream(newest_entries(self._unit)) as printed:
                async for text in printed:  # other entries are visits of other apps, or messages of the router itself
                    visit = access_log.parse(text.encode()) if app is None or app in text else None
                    if visit is not None and app in (None, visit.app):
                        found.appendleft(visit)
                    if len(found) >= lines:
                        break
        return tuple(found)

    async def follow(self, *, app: str | None = None) -> AsyncIterator[Visit | None]:
        since = self._clock.now()
        while True:
            try:
                async with self._runner.stream(follow_entries(self._unit, since)) as printed:
                    async for text in _with_pauses(printed):
                        visit = access_log.parse(text.encode()) if text is not None else None
                        if visit is None or (visit.at >= since and app in (None, visit.app)):
                            yield visit
            except RuntimeUnavailable:
                yield None
            since = self._clock.now()
            await self._clock.sleep(_PAUSE)

    async def cut(self, app: str, since: datetime, slot: int) -> CutVisits:
        unusual: list[Visit] = []
        with suppress(RuntimeUnavailable):
            async with self._runner.stream(entries_since(self._unit, since)) as printed:
                async for text in printed:
                    if access_log.USUAL_END.decode() in text:
                        continue
                    visit = access_log.parse(text.encode())
                    if visit is not None and visit.at >= since and (visit.is_cut or visit.is_ended):
                        unusual.append(visit)
        return count_cut(unusual, app, slot)

    async def rotate(self) -> None:
        """Do nothing: journald limits the journal's size."""


async def _with_pauses(printed: AsyncIterator[str]) -> AsyncIterator[str | None]:
    """Yield every line, and None whenever no line has come for ``_PAUSE`` seconds."""
    coming = asyncio.ensure_future(anext(printed, _END))
    try:
        while True:
            if not (await asyncio.wait({coming}, timeout=_PAUSE))[0]:
                yield None
                continue
            line = coming.result()
            if line is _END:
                return
            yield line
            coming = asyncio.ensure_future(anext(printed, _END))
    finally:
        coming.cancel()
        await asyncio.gather(coming, return_exceptions=True)


def newest_entries(unit: str) -> Argv:
    """Return the command that prints a unit's last messages, the newest first."""
    return (*_journal(unit), "--lines", str(MOST), "--reverse")


def entries_since(unit: str, since: datetime) -> Argv:
    """Return the command that prints a unit's messages from ``since`` on, to the second."""
    return (*_journal(unit), "--since", f"@{int(since.timestamp())}")


def follow_entries(unit: str, since: datetime) -> Argv:
    """Return the command that prints a unit's messages from ``since`` on, and new ones as they come."""
    return (*_journal(unit), "--since", f"@{int(since.timestamp())}", "--follow", "--no-tail")


def _journal(unit: str) -> Argv:
    return ("journalctl", "--quiet", "--no-pager", "--all", "--output", "cat", "--unit", unit)
