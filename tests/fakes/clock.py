"""A clock that passes as fast as the test can go, in the right order."""

import asyncio
import heapq
import itertools
import math
from datetime import UTC, datetime, timedelta
from typing import Any

THREAD_PAUSE = 0.0005  # real seconds between two checks of threads
LEAST_TURNS = 2  # so that the event loop asks once for finished threads
OWN_PIPE = 1  # file that each event loop watches for itself
START = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)


class FakeClock:
    """Time that advances only when all tasks wait.

    A sleeper is woken when time reaches its deadline; time jumps to the earliest sleeper once every other task has
    had its turn. So a test that sleeps an hour takes no time, and two sleepers always wake in the order of their
    deadlines (equal deadlines: in the order they went to sleep).

    Args:
        start: what ``now`` says at first.
        is_automatic: False where the test alone moves time, with ``advance``.
        settle: real seconds to wait before each jump, for code that waits for real work (a database thread).
        patience: turns of the event loop that others get at most before each jump; fewer if none of them needs one.
    """

    def __init__(
        self, *, start: datetime = START, is_automatic: bool = True, settle: float = 0.0, patience: int = 50
    ) -> None:
        self._start = start
        self._elapsed = 0.0
        self._is_automatic = is_automatic
        self._settle = settle
        self._patience = patience
        self._tickets = itertools.count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._driver: asyncio.Task[None] | None = None

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._elapsed)

    def monotonic(self) -> float:
        return self._elapsed

    async def sleep(self, seconds: float) -> None:
        woken = asyncio.get_running_loop().create_future()
        # Less than a float can add would wake with no time passed, and a loop that waits for a moment never ends.
        due = max(self._elapsed + seconds, math.nextafter(self._elapsed, math.inf)) if seconds > 0 else self._elapsed
        heapq.heappush(self._sleepers, (due, next(self._tickets), woken))
        if self._is_automatic and (self._driver is None or self._driver.done()):
            self._driver = asyncio.get_running_loop().create_task(self._drive(), name="fake clock")
        await woken

    async def advance(self, seconds: float) -> None:
        """Advance time by this much, waking sleepers that are due meanwhile."""
        until = self._elapsed + seconds
        await self._let_others_work()
        while (due := self._earliest()) is not None and due <= until:
            self._wake_earliest()
            await self._let_others_work()
        self._elapsed = max(self._elapsed, until)

    def jump(self, seconds: float) -> None:
        """Advance time at once, without running other tasks; due sleepers wake as soon as possible."""
        self._elapsed += seconds
        while (due := self._earliest()) is not None and due <= self._elapsed:
            self._wake_earliest()

    def slow_down(self, settle: float) -> None:
        """Wait this many real seconds before each jump from now on."""
        self._settle = settle

    def set_by(self, seconds: float) -> None:
        """Change the wall clock by this much, as an operator or NTP does; sleeps are not affected."""
        self._start += timedelta(seconds=seconds)

    @property
    def sleepers(self) -> int:
        """How many wait for time to pass."""
        self._earliest()
        return sum(not woken.done() for _, _, woken in self._sleepers)

    async def _drive(self) -> None:
        while True:
            await self._let_others_work()
            if self._earliest() is None:
                return
            self._wake_earliest()

    async def _let_others_work(self) -> None:
        if self._settle:
            await asyncio.sleep(self._settle)
        turns = 0
        while turns < LEAST_TURNS or (turns < self._patience and not _is_idle()):
            await asyncio.sleep(0)
            turns += 1
            if _has_busy_thread():
                await asyncio.sleep(THREAD_PAUSE)
                turns = 0

    def _earliest(self) -> float | None:
        # those who gave up (cancelled, or their loop is gone with the daemon they belonged to) hold time back no more
        while self._sleepers and (self._sleepers[0][2].done() or self._sleepers[0][2].get_loop().is_closed()):
            heapq.heappop(self._sleepers)
        return self._sleepers[0][0] if self._sleepers else None

    def _wake_earliest(self) -> None:
        due, _, woken = heapq.heappop(self._sleepers)
        self._elapsed = max(self._elapsed, due)
        woken.set_result(None)


def _is_idle() -> bool:
    """Whether nothing but the caller has a turn to come, and no socket or process can give anything one."""
    loop: Any = asyncio.get_running_loop()
    return not loop._ready and len(loop._selector.get_map()) <= OWN_PIPE


def _has_busy_thread() -> bool:
    """Whether ``asyncio.to_thread`` is at work: what waits for it takes real time, and none of ours."""
    executor: Any = getattr(asyncio.get_running_loop(), "_default_executor", None)
    if executor is None:
        return False
    return bool(executor._work_queue.qsize()) or executor._idle_semaphore._value < len(executor._threads)
