"""The machine: listeners, disk and memory."""

from collections.abc import Collection
from typing import Protocol

from pvdify.model.capacity import Capacity, Usage


class Host(Protocol):
    """The machine's resources."""

    async def has_listener(self, port: int) -> bool:
        """Return whether a program listens on this TCP port, on any address. Never raises."""
        ...

    async def capacity(self) -> Capacity:
        """Return free disk and available memory. Never raises: a value that cannot be read is None."""
        ...

    async def usage(self, pids: Collection[int]) -> dict[int, Usage]:
        """Return the resource use of the instances with these main processes, by process id. Never raises.

        Processes that have ended are left out.
        """
        ...
