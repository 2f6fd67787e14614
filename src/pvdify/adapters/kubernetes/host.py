"""The ``host`` port beside a cluster: instances use the memory of nodes, not of the machine that pvdifyd runs on."""

from collections.abc import Collection
from dataclasses import replace

from pvdify.model.capacity import Capacity, Usage
from pvdify.ports.host import Host


class HostBesideCluster:
    """The machine that pvdifyd runs on. The cluster's scheduler decides at the start whether a node has room.

    Args:
        host: the machine's own figures.
    """

    def __init__(self, host: Host) -> None:
        self._host = host

    async def has_listener(self, port: int) -> bool:
        return await self._host.has_listener(port)

    async def capacity(self) -> Capacity:
        """See the port. The available memory is unknown, so that a deploy is not refused for it."""
        return replace(await self._host.capacity(), available_memory=None)

    async def usage(self, pids: Collection[int]) -> dict[int, Usage]:
        return await self._host.usage(pids)
