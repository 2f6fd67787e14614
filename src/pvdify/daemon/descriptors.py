"""The limit of file descriptors, and the share of them for connections."""

import resource
from dataclasses import dataclass

WANTED = 8192  # also LimitNOFILE of the unit
MOST_CONNECTIONS = 1024  # over the network; a stream of logs may need a second descriptor
MOST_OF_ROOT = 64


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """Limits of open connections: over the network, from one network address, and over root's socket.

    ``streams``: the limit of streams over the network; the other connections stay free for other requests.
    """

    network: int
    streams: int
    peer: int
    root: int


def raise_limit() -> int:
    """Raise the soft limit towards WANTED, as far as the hard limit allows; return the usable limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = WANTED if hard == resource.RLIM_INFINITY else min(WANTED, hard)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return WANTED if soft == resource.RLIM_INFINITY else soft
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted


def bounds(limit: int) -> Bounds:
    """Return the limits: a third of the descriptors for the network; over half remain for programs, files and root."""
    network = max(8, min(MOST_CONNECTIONS, limit // 3))
    return Bounds(
        network=network, streams=network // 2, peer=max(4, network // 4), root=max(4, min(MOST_OF_ROOT, limit // 12))
    )
