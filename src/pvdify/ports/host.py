"""The machine itself: free ports, disk and memory."""

from collections.abc import Collection
from typing import Protocol

from pvdify.model.capacity import Capacity, Usage


class Host(Protocol):
    """What this machine has left."""

    async def is_port_free(self, port: int) -> bool:
        """Whether something could listen on 127.0.0.1:``port`` right now (checked by binding it)."""
        ...

    async def capacity(self) -> Capacity:
        """Free disk and available memory. Never raises: what cannot be read is None."""
        ...

    async def usage(self, pids: Collection[int]) -> dict[int, Usage]:
        """What the instances with these main processes use, by process; without those that have gone. Never raises."""
        ...
