"""Counts the transactions of the store, and wakes the tasks that wait for one."""

import asyncio
from contextlib import suppress


class Writes:
    """The number of transactions since the store was opened.

    Only one pvdifyd uses a database, so a reader that has seen this number has seen every change.
    """

    def __init__(self) -> None:
        self.count = 0
        self._waiting: set[asyncio.Future[None]] = set()

    def note(self) -> None:
        """Count a transaction, and wake every waiting task."""
        self.count += 1
        for waiting in tuple(self._waiting):
            with suppress(RuntimeError):  # the event loop of a task that was never awaited to its end is closed
                if not waiting.done():
                    waiting.set_result(None)

    async def after(self, count: int) -> int:
        """Return the count as soon as it is greater than this one."""
        while self.count <= count:
            waiting = asyncio.get_running_loop().create_future()
            self._waiting.add(waiting)
            try:
                await waiting
            finally:
                self._waiting.discard(waiting)
        return self.count
