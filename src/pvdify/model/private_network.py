"""Private networks: one for each link of an app to a service, with nothing else on it."""

from dataclasses import dataclass
from ipaddress import IPv4Network

ADDRESS = 250  # of the service in its subnet; podman gives the others the lowest ones that are free


@dataclass(frozen=True, kw_only=True)
class PrivateNetwork:
    """The network of one link. ``hostname``: what the app calls the service.

    The service's address and hardware address follow from the subnet, so both stay when the service is restarted: the
    app's containers have them in their hosts file and in their neighbour table.
    """

    id: str
    subnet: str
    hostname: str

    @property
    def address(self) -> str:
        """The IPv4 address of the service."""
        return str(IPv4Network(self.subnet)[ADDRESS])

    @property
    def hardware_address(self) -> str:
        """The MAC address of the service, a locally administered one."""
        return ":".join(f"{byte:02x}" for byte in (0x92, 0x70, *IPv4Network(self.subnet)[ADDRESS].packed))
