"""Private networks: one for each link of an app to a service."""

from typing import Protocol

from pvdify.model.private_network import PrivateNetwork


class PrivateNetworks(Protocol):
    """The networks that this server made for links. Every method raises RuntimeUnavailable."""

    async def make(self, id: str) -> str:
        """Return the subnet of the network with this id, which is made with a subnet that is free if it is missing."""
        ...

    async def connect(self, instance: str, network: PrivateNetwork) -> None:
        """Give a running service its address in the network; nothing happens if it has one.

        Raises NothingRuns if the service does not run.
        """
        ...

    async def disconnect(self, instance: str, network: PrivateNetwork) -> None:
        """Take a service off the network; absent is fine."""
        ...

    async def find(self) -> frozenset[str]:
        """Return the ids of all private networks."""
        ...

    async def remove(self, id: str) -> None:
        """Remove the network, unless a container is still on it. Absent is fine."""
        ...
