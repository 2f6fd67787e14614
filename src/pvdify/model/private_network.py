"""Private networks: one for each link between an app and a service, with no other containers on it."""

from dataclasses import dataclass
from ipaddress import IPv4Network

ADDRESS = 250  # of the service in its subnet; podman gives other containers the lowest free addresses


@dataclass(frozen=True, kw_only=True)
class PrivateNetwork:
    """The network of one link. ``hostname``: the app's name for the service.

    ``subnet`` is a single address (``/32``) where the runtime gives the network no other: it is the service's.

    The service's IP and MAC addresses are computed from the subnet, so they stay the same when the service restarts:
    the app's containers have them in their hosts file and in their neighbour table.
    """

    id: str
    subnet: str
    hostname: str

    @property
    def address(self) -> str:
        """The service's IPv4 address."""
        network = IPv4Network(self.subnet)
        return str(network[ADDRESS] if network.num_addresses > ADDRESS else network[0])

    @property
    def hardware_address(self) -> str:
        """The service's MAC address, a locally administered one."""
        return ":".join(f"{byte:02x}" for byte in (0x92, 0x70, *IPv4Network(self.subnet)[ADDRESS].packed))
