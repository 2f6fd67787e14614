"""Private networks: one for each link between an app and a service."""

from typing import Protocol

from pvdify.model.private_network import PrivateNetwork


class PrivateNetworks(Protocol):
    """The networks that this server created for links. Every method raises RuntimeUnavailable."""

    async def make(self, id: str) -> str:
        """Return the subnet of the network with this id. If the network is missing, create it with a free subnet."""
        ...

    async def connect(self, instance: str, network: PrivateNetwork) -> None:
        """Connect a running service to the network with its address there; does nothing if it is connected.

        Raises NothingRuns if the service does not run.
        """
        ...

    async def disconnect(self, instance: str, network: PrivateNetwork) -> None:
        """Disconnect a service from the network. Absent is fine."""
        ...

    async def find(self) -> frozenset[str]:
        """Return the ids of all private networks."""
        ...

    async def remove(self, id: str) -> None:
        """Remove the network, unless a container is still on it. Absent is fine."""
        ...
