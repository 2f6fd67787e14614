"""Refusal of registry hosts at addresses of this machine, so that image references cannot be used to scan ports."""

import asyncio
import ipaddress
import socket

from pvdify.errors import RegistryNotAllowed
from pvdify.model.image_reference import ImageReference
from pvdify.model.tenant import Tenant

LOOK_UP_SECONDS = 5.0  # the longest a name lookup may take
# Metadata services of clouds that are not link-local: Alibaba, Azure, old AWS images, AWS, Google, Oracle.
_METADATA = frozenset(map(ipaddress.ip_address, (
    "100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254", "fd20:ce::254", "fd00:c1::a9fe:a9fe",
)))  # fmt: skip
_NAT64 = tuple(map(ipaddress.ip_network, ("64:ff9b::/96", "64:ff9b:1::/48")))
_BROADCAST = ipaddress.ip_address("255.255.255.255")


class HostGate:
    """A filter that refuses local registry hosts. ``allowed``: hosts in the operator's setting ``allow_registries``."""

    def __init__(self, allowed: tuple[str, ...] = ()) -> None:
        self._allowed = frozenset(host.lower() for host in allowed)

    async def check(self, reference: ImageReference, tenant: Tenant | None) -> None:
        """Resolve the host, and raise RegistryNotAllowed if it is local; the message does not depend on listeners.

        ``tenant``: None if the server itself uses the registry, which is always allowed.
        """
        if tenant is None or reference.host in self._allowed or reference.host in tenant.local_hosts:
            return
        if any(is_local(address) for address in await _addresses(reference.host)):
            raise RegistryNotAllowed(
                f"{tenant.apps[0]} may not use {reference.host} as a registry",
                why="it is an address of this server or of its network link",
                next="ask an admin to deploy from it once, or to add it to the setting allow_registries",
            )


def is_local(text: str) -> bool:
    """Return whether this is a loopback, link-local, unspecified, multicast, broadcast or metadata service address."""
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        if any(address in network for network in _NAT64):
            address = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        else:
            address = address.ipv4_mapped or address.sixtofour or address
    in_this_network = isinstance(address, ipaddress.IPv4Address) and address.packed[0] == 0
    return (
        address.is_loopback or address.is_link_local or address.is_unspecified or address.is_multicast
        or in_this_network or address == _BROADCAST or address in _METADATA
    )  # fmt: skip


async def _addresses(host: str) -> set[str]:
    """Resolve the host as programs on this machine do, which also accept 127.1 and 2130706433 as addresses."""
    name, port = _parted(host)
    try:
        async with asyncio.timeout(LOOK_UP_SECONDS):
            found = await asyncio.get_running_loop().getaddrinfo(name, port, type=socket.SOCK_STREAM)
    except (OSError, TimeoutError, UnicodeError):
        return set()  # a proxy or a mirror in registries.conf may resolve the name; if not, skopeo reports the error
    return {str(each[4][0]) for each in found}


def _parted(host: str) -> tuple[str, int]:
    if host.startswith("["):
        name, _, port = host[1:].partition("]")
        port = port.removeprefix(":")
    else:
        name, _, port = host.partition(":")
    return name, int(port) if port.isdigit() and int(port) < 65536 else 443
