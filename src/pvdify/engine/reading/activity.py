"""Queries for events: the stored ones, and new ones as they are recorded."""

from collections.abc import AsyncIterator

from pvdify.model.event import Event, EventFilter
from pvdify.ports.clock import Clock
from pvdify.ports.outbox import Outbox
from pvdify.ports.store import Store
from pvdify.timing import first_of

PAUSE = 0.5  # seconds between two queries for new events, while records are written
IDLE_PAUSE = 30.0  # seconds until the next query if no record is written
AT_ONCE = 200  # events per query


class Activity:
    """Reads events. Every method raises StoreUnavailable."""

    def __init__(self, *, clock: Clock, outbox: Outbox, store: Store) -> None:
        self._clock, self._outbox, self._store = clock, outbox, store

    async def last(self, wanted: EventFilter, limit: int) -> tuple[Event, ...]:
        """Return the newest events that match, newest first."""
        return await self._store.matching_events(wanted, limit)

    async def newest_id(self) -> int:
        """Return the id of the newest event; 0 if there is none."""
        newest = await self._store.events(limit=1)
        return newest[0].id if newest else 0

    async def follow(self, wanted: EventFilter, after: int) -> AsyncIterator[Event]:
        """Yield matching events with an id greater than ``after``, oldest first, without end."""
        while True:
            seen = self._store.writes
            found = await self._outbox.events_after(after, AT_ONCE)
            for event in found:
                after = event.id
                if wanted.matches(event):
                    yield event
            if len(found) < AT_ONCE:
                await self._clock.sleep(PAUSE)
                await first_of(self._store.next_write(seen), self._clock.sleep(IDLE_PAUSE))
