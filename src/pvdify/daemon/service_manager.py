"""Notify systemd that pvdifyd is ready, alive, or stopping. Elsewhere, do nothing.

The protocol is that of sd_notify(3): datagrams to the socket in ``NOTIFY_SOCKET``.
"""

import asyncio
import os
import socket
from collections.abc import MutableMapping
from contextlib import suppress

READY = "READY=1"
STOPPING = "STOPPING=1"
ALIVE = "WATCHDOG=1"


class ServiceManager:
    """The service manager that started pvdifyd, if it expects notifications.

    Args:
        environment: of this process. Its sd_notify variables are removed, so that child programs do not notify, too.
    """

    def __init__(self, environment: MutableMapping[str, str]) -> None:
        self._address = environment.pop("NOTIFY_SOCKET", "")
        allowed = environment.pop("WATCHDOG_USEC", "")
        is_watched = environment.pop("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        self.pause = int(allowed) / 2_000_000 if is_watched and allowed.isdigit() and int(allowed) > 0 else None
        """Seconds between two watchdog notifications: half the watchdog's time; None without a watchdog."""

    def notify(self, state: str) -> None:
        """Send one state. Never raises: a failed notification must not stop pvdifyd."""
        if not self._address.startswith(("/", "@")):
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
            sender.sendto(state.encode(), address)

    async def keep_calm(self) -> None:
        """Notify the watchdog while the event loop runs; systemd restarts pvdifyd if the loop hangs."""
        while self.pause is not None:
            self.notify(ALIVE)
            await asyncio.sleep(self.pause)
