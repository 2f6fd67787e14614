"""The count of transactions, by which readers detect whether anything changed."""

import asyncio
from datetime import UTC, datetime

import pytest

from pvdify.errors import StoreUnavailable
from pvdify.model.action import Action
from pvdify.model.event import Event
from tests.fakes.store import MemoryStore

EVENT = Event(at=datetime(2026, 1, 1, tzinfo=UTC), actor="ada", action=Action.APP_CREATED, app="shop")


async def test_a_waiter_is_woken_by_the_next_write():
    store = MemoryStore()
    waiting = asyncio.create_task(store.next_write(store.writes))
    await asyncio.sleep(0)
    assert not waiting.done()

    await store.save(EVENT)

    assert await waiting == store.writes == 1


async def test_a_write_that_already_happened_is_not_waited_for():
    store = MemoryStore()
    seen = store.writes

    await store.save(EVENT)

    assert await store.next_write(seen) == seen + 1


async def test_reading_counts_as_no_write():
    store = MemoryStore()

    await store.apps()
    await store.events()

    assert store.writes == 0


async def test_a_write_that_failed_counts_because_part_of_it_may_be_on_disk():
    store = MemoryStore()
    store._connection.execute("DROP TABLE events")

    with pytest.raises(StoreUnavailable):
        await store.save(EVENT)

    assert store.writes == 1
