"""Wait for a condition. The one time limit is so long that a busy machine never reaches it."""

import asyncio
import time
from collections.abc import Awaitable, Callable

PATIENCE = 180.0  # seconds


def wait_until(is_so: Callable[[], object], what: str = "it did not happen") -> None:
    """Ask again and again; fails with ``what`` when the time is over."""
    deadline = time.monotonic() + PATIENCE
    asked = time.monotonic()
    while not is_so():
        assert time.monotonic() < deadline, what
        time.sleep(_pause(asked))
        asked = time.monotonic()


async def until(is_so: Callable[[], object | Awaitable[object]], what: str = "it did not happen") -> None:
    """The same beside other tasks; ``is_so`` may have to be awaited."""
    deadline = time.monotonic() + PATIENCE
    while True:
        asked = time.monotonic()
        answer = is_so()
        if await answer if isinstance(answer, Awaitable) else answer:
            return
        assert time.monotonic() < deadline, what
        await asyncio.sleep(_pause(asked))


def _pause(asked: float) -> float:
    """Seconds until the next question: a question that runs a program leaves two thirds of a core to what it waits for.

    ``asked``: when the last question was asked, on the monotonic clock.
    """
    return min(max(0.05, 2 * (time.monotonic() - asked)), 1.0)
