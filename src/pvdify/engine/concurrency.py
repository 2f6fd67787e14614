"""Doing several things at once without leaving any of them behind."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable
from typing import TypeVar

ResultT = TypeVar("ResultT")


async def settle(*work: Awaitable[ResultT]) -> list[ResultT]:
    """Wait until all of it has ended, then raise the first error, if any.

    Nothing is still being started while an error is already being undone.
    """
    results = await asyncio.gather(*work, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return [result for result in results if not isinstance(result, BaseException)]


class Locks:
    """In-process locks: one pvdifyd owns a data directory, so these are enough.

    ``ports`` guards choosing ports until they are on disk; ``slots(app)`` guards reading a slot's state and writing
    the next one, where a retirement and a rollback may want the same slot; ``queue(app)`` guards what waits for its
    turn: numbering, superseding and canceling it on one side, beginning it on the other; ``hostnames`` guards looking
    whether a hostname is free until the claim to it can be seen by others (taken after ``queue`` where both are);
    ``previews`` guards counting an app's previews and changing one of them (taken before ``queue``);
    ``instances(app)`` guards starting an instance again on one side, taking all of them away on the other.
    """

    def __init__(self) -> None:
        self.ports = asyncio.Lock()
        self.hostnames = asyncio.Lock()
        self.previews = asyncio.Lock()
        self._slots: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._queues: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._instances: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    def queue(self, app: str) -> asyncio.Lock:
        """The lock of one app's waiting work."""
        return self._queues[app]

    def slots(self, app: str) -> asyncio.Lock:
        """The lock of one app's slots."""
        return self._slots[app]

    def instances(self, app: str) -> asyncio.Lock:
        """The lock of one app's instances."""
        return self._instances[app]
