"""The machine itself: listeners, disk and memory."""

from collections.abc import Collection
from typing import Protocol

from pvdify.model.capacity import Capacity, Usage


class Host(Protocol):
    """What this machine has left."""

    async def has_listener(self, port: int) -> bool:
        """Whether a program listens on this TCP port, on whatever address. Never raises."""
        ...

    async def capacity(self) -> Capacity:
        """Free disk and available memory. Never raises: what cannot be read is None."""
        ...

    async def usage(self, pids: Collection[int]) -> dict[int, Usage]:
        """What the instances with these main processes use, by process; without those that have gone. Never raises."""
        ...
