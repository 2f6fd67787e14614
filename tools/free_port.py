"""Ports for trials that no other program gets meanwhile.

A port that the kernel chose (``bind`` to 0) is one of those it gives to outgoing connections too: before it is used,
any client on the machine may be given the same. These are below that range (32768 on Linux) and below the ports of the
demonstration's servers, and no two in one process are alike. Processes that run at the same time are given ranges of
their own by ``PVDIFY_TEST_PORTS``, such as ``10000-15999``: a port on which nothing listens may be forwarded to a
container that starts or ends at this moment.
"""

import itertools
import os
import random
import socket

BLOCK = 16
RANGE = "10000-19999"
_FIRST, _LAST = map(int, os.environ.get("PVDIFY_TEST_PORTS", RANGE).split("-"))
_BLOCKS = list(range(_FIRST, _LAST - BLOCK + 2, BLOCK))
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
