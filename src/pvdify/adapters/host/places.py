"""The ``places`` port on one machine: ports of loopback, which a container engine publishes."""

import socket
from collections.abc import Iterator, Sequence

from pvdify.errors import NoFreePort
from pvdify.model.endpoint import Endpoint
from pvdify.settings import PortRange

LOOPBACK, EVERYWHERE = "127.0.0.1", "0.0.0.0"  # noqa: S104 - a look whether it is taken, nothing listens there


class LoopbackPorts:
    """Ports of a range, from after the one that was given out last: a port that was just let go rests longest.

    A pooled connection to a stopped instance must not meet the next instance on the same port.
    """

    def __init__(self, ports: PortRange) -> None:
        self._ports = ports

    async def reserve(self, asker: str, names: Sequence[str], taken: Sequence[Endpoint]) -> tuple[Endpoint, ...]:
        """A port with a listener on loopback or on every address is taken, too, without a record."""
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
    """Whether something could listen on this port of loopback right now. It is not taken by the look."""
    return _can_bind(LOOPBACK, port) and _can_bind(EVERYWHERE, port)


def _can_bind(address: str, port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        # connections that wait out their end (TIME_WAIT) do not make a port taken; listeners do all the same
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((address, port))
        except (OSError, OverflowError):
            return False
        return True
