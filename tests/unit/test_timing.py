"""Growing pauses, and waiting for the first of two results."""

import asyncio
import random

import pytest

from pvdify.timing import BackOff, first_of

BACK_OFF = BackOff(first=1.0, longest=60.0)


@pytest.mark.parametrize(("tries", "pause"), [(0, 1.0), (1, 1.0), (2, 2.0), (6, 32.0), (7, 60.0), (100_000, 60.0)])
def test_pauses_double_up_to_the_longest_whatever_the_number_of_tries(tries: int, pause: float):
    assert BACK_OFF.pause(tries) == pause


def test_spread_pauses_lie_between_half_and_whole():
    drawn = [BACK_OFF.spread(7, random.Random(seed)) for seed in range(100)]

    assert 30.0 <= min(drawn) < 35.0
    assert 55.0 < max(drawn) <= 60.0


async def after(event: asyncio.Event, value: str) -> str:
    await event.wait()
    return value


async def test_the_one_that_has_not_ended_is_canceled():
    now, never = asyncio.Event(), asyncio.Event()
    now.set()

    assert await first_of(after(now, "first"), after(never, "second")) == ("first", None)
    assert asyncio.all_tasks() - {asyncio.current_task()} == {it for it in asyncio.all_tasks() if it.cancelling()}


async def test_a_task_of_the_caller_continues():
    now, later = asyncio.Event(), asyncio.Event()
    now.set()
    task = asyncio.create_task(after(later, "second"))

    assert await first_of(task, after(now, "first")) == (None, "first")
    later.set()
    assert await task == "second"


async def test_an_error_of_one_is_raised():
    async def fail() -> None:
        raise LookupError("lost")

    with pytest.raises(LookupError, match="lost"):
        await first_of(fail(), asyncio.sleep(3600))
