"""What systemd is told of us: that we are ready, that we are alive, that we stop. Elsewhere nobody is told anything.

The protocol is that of sd_notify(3): datagrams to the socket in ``NOTIFY_SOCKET``.
"""

import asyncio
import os
import socket
from contextlib import suppress

READY = "READY=1"
STOPPING = "STOPPING=1"
ALIVE = "WATCHDOG=1"


def notify(state: str) -> None:
    """Say one thing. Never raises: a service manager that does not listen must not stop us."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
        sender.sendto(state.encode(), "\0" + address[1:] if address.startswith("@") else address)


def watchdog_pause() -> float | None:
    """Seconds between two signs of life: half of what systemd allows; None where nobody watches us."""
    allowed, watched = os.environ.get("WATCHDOG_USEC", ""), os.environ.get("WATCHDOG_PID", str(os.getpid()))
    if not allowed.isdigit() or int(allowed) == 0 or watched != str(os.getpid()):
        return None
    return int(allowed) / 2_000_000


async def keep_watchdog_calm() -> None:
    """Show a sign of life for as long as the event loop turns; one that hangs is ended and started anew."""
    pause = watchdog_pause()
    while pause is not None:
        notify(ALIVE)
        await asyncio.sleep(pause)
