"""Endpoints on this machine, for tests with real listeners."""

from pvdify.model.endpoint import Endpoint, Exposed


def here(*ports: int) -> tuple[Endpoint, ...]:
    """These ports of loopback."""
    return tuple(Endpoint("127.0.0.1", port) for port in ports)


def exposed(port: int, inside: int = 8080) -> Exposed:
    """A container whose program listens on ``inside``, reached at this port of loopback."""
    return Exposed(port=inside, at=here(port)[0])
