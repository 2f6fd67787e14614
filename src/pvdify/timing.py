"""Waiting: for the first of two things, and with growing pauses between attempts. Imports nothing of pvdify."""

import asyncio
import random
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

A = TypeVar("A")
B = TypeVar("B")


@dataclass(frozen=True, kw_only=True)
class BackOff:
    """Seconds between attempts: ``first`` after the first attempt, then doubled each time, up to ``longest``."""

    first: float
    longest: float

    def pause(self, tries: int) -> float:
        """Return the seconds to wait after this many attempts."""
        return min(self.longest, self.first * 2.0 ** min(max(tries, 1) - 1, 50))

    def spread(self, tries: int, chance: random.Random) -> float:
        """Return a random time between half of ``pause`` and all of it, so that many clients do not retry at once."""
        full = self.pause(tries)
        return chance.uniform(full / 2, full)


async def first_of(
    one: Coroutine[Any, Any, A] | asyncio.Future[A], other: Coroutine[Any, Any, B] | asyncio.Future[B]
) -> tuple[A | None, B | None]:
    """Wait until one of the two has ended, and return both results; None for one that has not ended.

    A coroutine that has not ended is canceled; a task or future of the caller continues. If one raises, the error is
    raised.
    """
    waits = asyncio.ensure_future(one), asyncio.ensure_future(other)
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        return (waits[0].result() if waits[0].done() else None, waits[1].result() if waits[1].done() else None)
    finally:
        for given, wait in zip((one, other), waits, strict=True):
            if wait is not given:
                wait.cancel()
