"""How long an event loop is held: the longest delay of a ticker on it.

What runs in a thread counts as well: it shares the interpreter, and a parser in C keeps the interpreter until it ends.
The delay is measured in this process's time on processors, so that other programs of a busy machine add nothing to it.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

MOST_SECONDS = 0.05
TICK = 0.001


async def held_for(work: Callable[[], Awaitable[object]]) -> float:
    """Seconds of computing during which nothing else on the loop could run."""
    longest = 0.0

    async def tick() -> None:
        nonlocal longest
        last = time.process_time()
        while True:
            await asyncio.sleep(TICK)
            now = time.process_time()
            longest, last = max(longest, now - last), now

    ticker = asyncio.create_task(tick())
    await asyncio.sleep(0)  # the ticker begins
    try:
        await work()
        await asyncio.sleep(2 * TICK)  # the ticker notices what held the loop until the end
    finally:
        ticker.cancel()
    return longest
