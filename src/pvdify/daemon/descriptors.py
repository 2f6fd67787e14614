"""How many file descriptors the process may have, and which part of them connections may take."""

import resource
from dataclasses import dataclass

WANTED = 8192  # also LimitNOFILE of the unit
MOST_CONNECTIONS = 1024  # over the network; a stream of logs may need a second descriptor
MOST_OF_ROOT = 64


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """Connections that may be open at once: over the network, of one address there, and over root's socket.

    ``streams``: of those over the network, at most so many may be streams, so that other requests always have room.
    """

    network: int
    streams: int
    peer: int
    root: int


def raise_limit() -> int:
    """Raise the soft limit towards WANTED, as far as the hard limit allows; return what it is then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = WANTED if hard == resource.RLIM_INFINITY else min(WANTED, hard)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return WANTED if soft == resource.RLIM_INFINITY else soft
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted


def bounds(limit: int) -> Bounds:
    """A third of the descriptors at most for the network; more than half remain for programs, files and root."""
    network = max(8, min(MOST_CONNECTIONS, limit // 3))
    return Bounds(
        network=network, streams=network // 2, peer=max(4, network // 4), root=max(4, min(MOST_OF_ROOT, limit // 12))
    )
