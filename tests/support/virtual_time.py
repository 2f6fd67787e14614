"""An event loop whose time passes at once: whoever waits is woken in the order of deadlines."""

import asyncio
import selectors
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from tests.fakes.clock import START, FakeClock


class NothingLeftToHappen(AssertionError):
    """Every task waits for another one."""


class _NoWaiting(selectors.DefaultSelector):
    """Where a loop would wait for its next timer, time jumps there."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise NothingLeftToHappen
        self.now += max(0.0, timeout)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """Only for code that waits for timers and for other tasks, not for files or sockets. Threads run inline."""

    def __init__(self) -> None:
        self._jumping = _NoWaiting()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now

    def run_in_executor(  # type: ignore[override]
        self, executor: object, work: Callable[..., Any], *arguments: Any
    ) -> "asyncio.Future[Any]":
        done = self.create_future()
        try:
            done.set_result(work(*arguments))
        except Exception as error:
            done.set_exception(error)
        return done


class LoopClock(FakeClock):
    """The time of a ``VirtualLoop``."""

    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def now(self) -> datetime:
        return START + timedelta(seconds=self._loop.time())

    def monotonic(self) -> float:
        return self._loop.time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
