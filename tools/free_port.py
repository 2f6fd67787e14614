"""Ports for trials that no other program gets meanwhile.

A port that the kernel chose (``bind`` to 0) is one of those it gives to outgoing connections too: before it is used,
any client on the machine may be given the same. These are below that range (32768 on Linux), and no two in one process
are alike.
"""

import itertools
import random
import socket

BLOCK = 16
_BLOCKS = list(range(10_000, 30_000, BLOCK))
random.SystemRandom().shuffle(_BLOCKS)
_FIRST_PORTS = itertools.cycle(_BLOCKS)


def free_port() -> int:
    """A loopback port without a listener; this function returns none of the 15 after it again."""
    return next(port for port in itertools.islice(_FIRST_PORTS, len(_BLOCKS)) if _is_free(port))


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
