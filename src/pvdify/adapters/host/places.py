"""The ``places`` port on one machine: loopback ports, which the container engine publishes."""

import socket
from collections.abc import Iterator, Sequence

from pvdify.errors import NoFreePort
from pvdify.model.endpoint import Endpoint
from pvdify.settings import PortRange

LOOPBACK, EVERYWHERE = "127.0.0.1", "0.0.0.0"  # noqa: S104 - bound only to check that a port is free


class LoopbackPorts:
    """Ports of a range, given out in order from the port after the last one.

    So a port that was just released is used again as late as possible: a pooled connection to a stopped instance must
    not reach the next instance on the same port.
    """

    def __init__(self, ports: PortRange) -> None:
        self._ports = ports

    async def reserve(
        self, asker: str, names: Sequence[str], taken: Sequence[Endpoint], runtime: str = ""
    ) -> tuple[Endpoint, ...]:  # fmt: skip
        """Also skip ports that have a listener on loopback or on all addresses, though no record has them."""
        del runtime
        known = [endpoint.port for endpoint in taken if endpoint.host == LOOPBACK]
        free = (port for port in self._from_the_last(known) if port not in set(known) and is_free(port))
        found = tuple(Endpoint(LOOPBACK, port) for _, port in zip(names, free, strict=False))
        if len(found) < len(names):
            raise NoFreePort(
                f"{asker} needs {len(names)} more ports, {len(found)} are free",
                why=f"every other port of {self._ports} is taken",
                next="start pvdifyd with a wider range, like --ports 3001-4999",
            )
        return found

    def _from_the_last(self, known: Sequence[int]) -> Iterator[int]:
        last = known[-1] if known else 0
        yield from (port for port in self._ports if port > last)
        yield from (port for port in self._ports if port <= last)


def is_free(port: int) -> bool:
    """Return whether a program could listen on this loopback port now. The check does not reserve the port."""
    return _can_bind(LOOPBACK, port) and _can_bind(EVERYWHERE, port)


def _can_bind(address: str, port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        # With SO_REUSEADDR, connections in TIME_WAIT do not make the bind fail; listeners still do.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((address, port))
        except (OSError, OverflowError):
            return False
        return True
