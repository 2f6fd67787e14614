"""Measure the disk space that each app uses, and record an event when an app exceeds the limit."""

import structlog

from pvdify.errors import PvdifyError
from pvdify.model.action import Action
from pvdify.model.disk_use import DiskMeasurements, DiskUse
from pvdify.model.event import Event
from pvdify.ports.clock import Clock
from pvdify.ports.disk_meter import DiskMeter
from pvdify.ports.store import Store
from pvdify.quantities import format_bytes
from pvdify.settings import Settings

log = structlog.get_logger()
FIRST_AFTER, EVERY = 60.0, 900.0  # seconds; counting files loads the disk
RECOVERED = 0.95  # fraction of the limit; prevents an event after each measurement of an app close to the limit


class DiskWatch:
    """Measures disk use in the background and writes the result to the disk board, which is read without waiting."""

    def __init__(
        self, *, clock: Clock, disk_board: DiskMeasurements, disk_meter: DiskMeter, settings: Settings, store: Store
    ) -> None:
        self._clock, self._disk_board, self._disk_meter, self._settings, self._store = (
            clock,
            disk_board,
            disk_meter,
            settings,
            store,
        )

    async def run(self) -> None:
        """Measure every 15 minutes until canceled."""
        await self._clock.sleep(FIRST_AFTER)
        while True:
            await self.measure()
            await self._clock.sleep(EVERY)

    async def measure(self) -> None:
        """Measure once. Errors are logged, not raised."""
        try:
            await self._measure()
        except PvdifyError as error:
            log.warning("disk_watch.failed", code=error.code, what=error.what, why=error.why)
        except Exception:
            log.exception("disk_watch.crashed")

    async def _measure(self) -> None:
        board, limit = self._disk_board, self._settings.max_app_disk
        known = {app.name for app in await self._store.apps()}
        found = {app: use for app, use in (await self._disk_meter.measure()).items() if app in known}
        over = frozenset(
            app
            for app, use in found.items()
            if limit and use.total > limit * (RECOVERED if app in board.over else 1)
        )  # fmt: skip
        before, board.use, board.at, board.over = board.over, found, self._clock.now(), over
        for app in sorted(over - before):
            text = f"{described(found[app])} on the server's disk, more than {format_bytes(limit)} (`max_app_disk`)"
            await self._note(app, Action.APP_DISK_EXCEEDED, text)
        for app in sorted((before - over) & known):
            await self._note(app, Action.APP_DISK_RECOVERED, described(found.get(app, DiskUse())))

    async def _note(self, app: str, action: Action, text: str) -> None:
        now = self._clock.now()
        await self._store.save(Event(at=now, actor="pvdify", action=action, app=app, text=text))


def described(use: DiskUse) -> str:
    """Return the total size as text, with the size of each kind in parentheses, the largest first."""
    kinds = sorted((("containers", use.layers), ("volumes", use.volumes), ("logs", use.logs)), key=lambda it: -it[1])
    parts = ", ".join(f"{name} {format_bytes(size)}" for name, size in kinds if size)
    return f"{format_bytes(use.total)}{f' ({parts})' if parts else ''}"
