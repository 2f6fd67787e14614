"""Names what holds an event loop: the frame in which a callback was when it had computed for half of what it may.

Time is the thread's time on a processor, so that other programs of a busy machine add little to it, and the limit is
what a fixed piece of work takes there and then, so that a slow machine has a longer one.
"""

import asyncio
import signal
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

_STEPS = 240_000  # take 10 ms on a usual processor


class Watchdog:
    """What held the loop, a text for each time: for how long, and where.

    ``where`` is the place of the running callback, once it has computed for half of what it may.
    """

    def __init__(self, most: float) -> None:
        self.found: list[str] = []
        self.where = ""
        self._most = most

    def run(self, handle: Any, original: Callable[[Any], Any]) -> Any:
        """Run one callback of the loop."""
        self.where, begun = "", time.thread_time()
        signal.setitimer(signal.ITIMER_PROF, self._most / 2)
        try:
            return original(handle)
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0.0)
            seconds = time.thread_time() - begun
            if seconds > self._most:
                self.found.append(f"{seconds * 1000:.1f} ms in {self.where or repr(handle)}")

    def note(self, _number: int, frame: FrameType | None) -> None:
        """Note where the callback is."""
        self.where = "".join(traceback.format_stack(frame)[-6:])


def most_seconds() -> float:
    """Return for how long one callback may compute: 10 ms on a usual machine, longer on a slow or busy one."""
    begun = time.thread_time()
    sum(number * number for number in range(_STEPS))
    return time.thread_time() - begun


@contextmanager
def watched(most: float) -> Iterator[Watchdog]:
    """Watch the loop of this thread, which has to be the main one."""
    watchdog, original = Watchdog(most), asyncio.Handle._run
    before = signal.signal(signal.SIGPROF, watchdog.note)
    asyncio.Handle._run = lambda handle: watchdog.run(handle, original)  # type: ignore[method-assign]
    try:
        yield watchdog
    finally:
        asyncio.Handle._run = original  # type: ignore[method-assign]
        signal.setitimer(signal.ITIMER_PROF, 0.0)  # this runs in a callback that is watched itself
        signal.signal(signal.SIGPROF, before)
