"""Listening sockets in a container's network namespace, from ``/proc/PID/net/tcp`` and ``tcp6``."""

import ipaddress
import sys
from pathlib import Path

from pvdify.model.instance import Listener

LISTEN = "0A"


def read_listeners(pid: int, proc: Path = Path("/proc")) -> tuple[Listener, ...]:
    """Return the listening TCP sockets in the namespace of a process, by port; empty if the process has ended."""
    found: set[tuple[int, str]] = set()
    for table in ("tcp", "tcp6"):
        try:
            text = (proc / str(pid) / "net" / table).read_text(encoding="ascii")
        except OSError:
            continue
        found.update((listener.port, listener.address) for listener in parse_table(text))
    return tuple(Listener(address=address, port=port) for port, address in sorted(found))


def parse_table(text: str) -> tuple[Listener, ...]:
    """Return the listening sockets in the text of one table."""
    rows = (line.split() for line in text.splitlines()[1:])
    return tuple(_listener(row[1]) for row in rows if len(row) > 3 and row[3] == LISTEN)


def _listener(local: str) -> Listener:
    address, _, port = local.partition(":")
    return Listener(address=_address(address), port=int(port, 16))


def _address(digits: str) -> str:
    # the kernel prints each 32-bit word in the machine's own byte order
    words = (digits[start : start + 8] for start in range(0, len(digits), 8))
    packed = b"".join(int(word, 16).to_bytes(4, sys.byteorder) for word in words)
    address = ipaddress.ip_address(packed)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)
