"""Reports the requests that were in flight when an instance exited, because one of them may have caused the exit."""

from collections.abc import Iterable
from datetime import timedelta

from pvdify.model.action import Action
from pvdify.model.event import Event
from pvdify.model.instance import Exit
from pvdify.model.names import slot_key
from pvdify.model.slot import Placement, Slot
from pvdify.model.visit import Visit
from pvdify.ports.access_log import AccessLog
from pvdify.ports.clock import Clock
from pvdify.ports.store import Store

LOOKED_AT = 500  # number of the app's newest visits that are read
TOGETHER = timedelta(seconds=1)  # the router logs all requests that an exit cut within this time
SAME_AFTER = 3600.0  # seconds until the same requests of a release are reported again
MOST_NAMED = 3  # requests in an event


class FatalRequests:
    """Records events about requests during which an instance exited: for the same requests, at most one per hour."""

    def __init__(self, *, access_log: AccessLog, clock: Clock, store: Store) -> None:
        self._access_log, self._clock, self._store = access_log, clock, store
        self._noted: dict[tuple[str, int, str], float] = {}

    async def note(self, slot: Slot, place: Placement, ended: Exit | None) -> None:
        """Record which requests were cut when this instance exited; skip exits with code 0 or without such requests.

        Raises StoreUnavailable.
        """
        if not place.has_route or (ended is not None and ended.code == 0):
            return
        visits = await self._access_log.tail(LOOKED_AT, app=slot.app)
        target = f"{slot_key(slot.app, slot.number)}:{place.serial}"
        named = _named(cut_at_the_end([visit for visit in visits if visit.target == target]))
        now = self._clock.monotonic()
        self._noted = {key: at for key, at in self._noted.items() if now - at < SAME_AFTER}
        if not named or (slot.app, slot.number, named) in self._noted:
            return
        self._noted[slot.app, slot.number, named] = now
        why = str(ended or "ended")
        await self._store.save(
            Event(
                at=self._clock.now(), actor="pvdify", action=Action.INSTANCE_DIED_IN_REQUEST, app=slot.app,
                release=slot.number, text=f"{place.process}.{place.number} {why} while it worked at {named}",
            )
        )  # fmt: skip


def cut_at_the_end(visits: list[Visit]) -> list[Visit]:
    """Return the newest visits of an instance that were lost at the same time, newest first. Pure function."""
    cut: list[Visit] = []
    for visit in reversed(visits):
        if not visit.is_lost or visits[-1].at - visit.at > TOGETHER:
            break
        cut.append(visit)
    return cut


def _named(visits: Iterable[Visit]) -> str:
    """Return method and path of each visit as text, without queries; long lists and paths are shortened."""
    requests = sorted({f"{visit.method} {visit.path[:100]}" for visit in visits})
    more = f" and {len(requests) - MOST_NAMED} more" if len(requests) > MOST_NAMED else ""
    return ", ".join(requests[:MOST_NAMED]) + more
