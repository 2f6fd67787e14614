"""Contract of the ``clock`` port."""

import asyncio
from datetime import timedelta

import pytest

from pvdify.adapters.clock.clock import SystemClock
from pvdify.ports.clock import Clock
from tests.fakes.clock import FakeClock


@pytest.fixture(params=[FakeClock, SystemClock])
def clock(request: pytest.FixtureRequest) -> Clock:
    return request.param()


async def test_time_is_aware_and_passes_while_sleeping(clock):
    before, started = clock.now(), clock.monotonic()

    await clock.sleep(0.05)

    assert clock.now().utcoffset() == timedelta()
    assert clock.now() - before >= timedelta(milliseconds=49)
    assert clock.monotonic() - started >= 0.049


async def test_the_shorter_sleep_ends_first(clock):
    woken = []

    async def sleeper(seconds: float) -> None:
        await clock.sleep(seconds)
        woken.append(seconds)

    await asyncio.gather(sleeper(0.06), sleeper(0.0), sleeper(0.03))

    assert woken == [0.0, 0.03, 0.06]
