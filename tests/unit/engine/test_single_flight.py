"""Work that callers at the same time share."""

import asyncio
from collections.abc import Callable, Coroutine

import pytest

from pvdify.engine.world.concurrency import SingleFlight


class Work:
    """Work that ends when it is let go; counts how often it began."""

    def __init__(self, error: Exception | None = None) -> None:
        self.begun, self.may_end, self.error = 0, asyncio.Event(), error

    async def __call__(self) -> int:
        self.begun += 1
        number = self.begun
        await self.may_end.wait()
        if self.error is not None:
            raise self.error
        return number


async def begun(
    flight: SingleFlight[int], work: Callable[[], Coroutine[None, None, int]], *keys: str
) -> list[asyncio.Task[int]]:  # fmt: skip
    """Ask for the work, once for each key, and wait until all of it that can begin has begun."""
    tasks = [asyncio.create_task(flight.share(key, work)) for key in keys]
    for _ in range(3):
        await asyncio.sleep(0)
    return tasks


async def test_callers_with_one_key_get_one_result_and_later_ones_a_new_one() -> None:
    flight: SingleFlight[int] = SingleFlight()
    work = Work()
    tasks = await begun(flight, work, "one", "one", "other")
    work.may_end.set()
    assert await asyncio.gather(*tasks) == [1, 1, 2]
    assert await flight.share("one", work) == 3


async def test_every_caller_gets_the_error_and_the_next_one_tries_again() -> None:
    flight: SingleFlight[int] = SingleFlight()
    work = Work(ValueError("no"))
    tasks = await begun(flight, work, "one", "one")
    work.may_end.set()
    for task in tasks:
        with pytest.raises(ValueError, match="no"):
            await task
    work.error = None
    assert await flight.share("one", work) == 2


async def test_a_canceled_caller_takes_nothing_from_the_others() -> None:
    flight: SingleFlight[int] = SingleFlight()
    work = Work()
    first, second = await begun(flight, work, "one", "one")
    first.cancel()
    await asyncio.sleep(0)
    work.may_end.set()
    assert await second == 1
    assert first.cancelled()


async def test_an_error_that_every_caller_has_left_is_not_reported_as_unseen(
    caplog: pytest.LogCaptureFixture,
) -> None:
    flight: SingleFlight[int] = SingleFlight()
    work = Work(ValueError("no"))
    (caller,) = await begun(flight, work, "one")
    caller.cancel()
    await asyncio.sleep(0)
    work.may_end.set()
    for _ in range(3):
        await asyncio.sleep(0)
    work.error = None
    assert await flight.share("one", work) == 2
    assert "never retrieved" not in caplog.text
