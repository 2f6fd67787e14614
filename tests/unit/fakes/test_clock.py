import asyncio
from threading import Event

import pytest

from tests.fakes.clock import START, FakeClock


async def test_sleeping_an_hour_takes_no_time_and_moves_the_clock():
    clock = FakeClock()

    await asyncio.wait_for(clock.sleep(3600), timeout=1)

    assert clock.monotonic() == 3600
    assert (clock.now() - START).total_seconds() == 3600


async def test_sleepers_wake_in_the_order_of_their_deadlines():
    clock = FakeClock()
    woken = []

    async def sleeper(seconds: float) -> None:
        await clock.sleep(seconds)
        woken.append((seconds, clock.monotonic()))

    await asyncio.gather(*(sleeper(seconds) for seconds in (3, 1, 2, 1)))

    assert woken == [(1, 1), (1, 1), (2, 2), (3, 3)]


async def test_work_between_sleeps_is_done_before_time_moves_on():
    clock = FakeClock()
    seen = []

    async def chatty() -> None:
        for _ in range(3):
            await clock.sleep(1)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            seen.append(clock.monotonic())

    await asyncio.gather(chatty(), clock.sleep(2.5))

    assert seen == [1, 2, 3]


async def test_a_cancelled_sleeper_does_not_hold_back_time():
    clock = FakeClock()

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await clock.sleep(10)
    await clock.sleep(20)

    assert clock.monotonic() == 20
    assert clock.sleepers == 0


async def test_manual_time_moves_only_when_asked():
    clock = FakeClock(is_automatic=False)
    task = asyncio.create_task(clock.sleep(5))

    await clock.advance(4)
    assert not task.done()
    await clock.advance(1)

    assert task.done()
    assert clock.monotonic() == 5


async def test_time_advances_with_very_short_sleeps():
    clock = FakeClock()
    await clock.sleep(2.05)

    await clock.sleep(1e-17)

    assert clock.monotonic() > 2.05


async def test_no_time_passes_while_a_thread_works():
    clock = FakeClock()
    waiting = asyncio.create_task(clock.sleep(60))

    await asyncio.to_thread(Event().wait, 0.05)

    assert clock.monotonic() == 0
    await waiting
    assert clock.monotonic() == 60
