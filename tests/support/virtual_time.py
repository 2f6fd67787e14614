"""An event loop with virtual time: sleepers are woken in the order of their deadlines."""

import asyncio
import heapq
import itertools
from collections import deque
from collections.abc import Callable
from contextvars import Context, copy_context
from datetime import datetime, timedelta
from typing import Any

from tests.fakes.clock import START, FakeClock


class NothingLeftToHappen(AssertionError):
    """Every task waits for another one."""


class _Handle:
    """What the loop has to call; as asyncio's, in a quarter of the time."""

    __slots__ = ("_when", "arguments", "callback", "context", "is_cancelled")

    def __init__(
        self, callback: Callable[..., object], arguments: tuple[object, ...], context: Context | None, when: float
    ) -> None:
        self.callback, self.arguments, self._when = callback, arguments, when
        self.context = copy_context() if context is None else context
        self.is_cancelled = False

    def cancel(self) -> None:
        self.is_cancelled = True

    def cancelled(self) -> bool:
        return self.is_cancelled

    def when(self) -> float:
        return self._when


class VirtualLoop(asyncio.SelectorEventLoop):
    """Only for code that waits for timers and for other tasks, not for files or sockets. Threads run inline.

    Args:
        start: what ``time`` says at first.
    """

    def __init__(self, start: float = 0.0) -> None:
        super().__init__()
        self._now = start
        self._turns: deque[_Handle] = deque()
        self._timers: list[tuple[float, int, _Handle | asyncio.Future[None]]] = []
        self._tickets = itertools.count()

    def time(self) -> float:
        return self._now

    def pause(self, seconds: float) -> "asyncio.Future[None]":
        """Return what is done after this time: ``asyncio.sleep`` without a coroutine of its own."""
        woken = self.create_future()
        heapq.heappush(self._timers, (self._now + seconds, next(self._tickets), woken))
        return woken

    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., object], *arguments: object, context: Context | None = None
    ) -> _Handle:
        handle = _Handle(callback, arguments, context, self._now)
        self._turns.append(handle)
        return handle

    call_soon_threadsafe = call_soon  # type: ignore[assignment]

    def call_later(  # type: ignore[override]
        self, delay: float, callback: Callable[..., object], *arguments: object, context: Context | None = None
    ) -> _Handle:
        return self.call_at(self._now + delay, callback, *arguments, context=context)

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., object], *arguments: object, context: Context | None = None
    ) -> _Handle:
        handle = _Handle(callback, arguments, context, when)
        heapq.heappush(self._timers, (when, next(self._tickets), handle))
        return handle

    def _run_once(self) -> None:
        """Take turns until the loop is to stop; where asyncio's own would wait for its next timer, time jumps there."""
        turns, timers, take = self._turns, self._timers, heapq.heappop
        while not self._stopping:  # type: ignore[attr-defined]
            if not turns:
                self._now = self._next_timer()
            while timers and timers[0][0] <= self._now:
                due = take(timers)[2]
                if type(due) is _Handle:
                    turns.append(due)
                elif not due.done():  # type: ignore[union-attr]
                    due.set_result(None)  # type: ignore[union-attr]
            for _ in range(len(turns)):
                handle = turns.popleft()
                if not handle.is_cancelled:
                    try:
                        handle.context.run(handle.callback, *handle.arguments)
                    except Exception as error:
                        self.call_exception_handler({"message": f"{handle.callback} failed", "exception": error})

    def _next_timer(self) -> float:
        timers = self._timers
        while timers:
            when, _, waiting = timers[0]
            is_void = waiting.is_cancelled if type(waiting) is _Handle else waiting.done()  # type: ignore[union-attr]
            if not is_void:
                return when if when > self._now else self._now
            heapq.heappop(timers)
        raise NothingLeftToHappen

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
        await self._loop.pause(seconds)
