"""The ``host`` port on Linux: bind, statvfs and /proc/meminfo."""

import asyncio
import os
import re
import socket
from pathlib import Path

from pvdify.model.capacity import Capacity

# where images and containers are; the one of the two disks that is fuller decides
CONTAINER_STORAGE = Path("/var/lib/containers/storage")
LOOPBACK, EVERYWHERE = "127.0.0.1", "0.0.0.0"  # noqa: S104 - a look whether it is taken, nothing listens there


class LinuxHost:
    """What this machine has left, for a server that keeps its data in ``data_dir``."""

    def __init__(
        self,
        data_dir: Path,
        *,
        container_storage: Path = CONTAINER_STORAGE,
        meminfo: Path = Path("/proc/meminfo"),
    ) -> None:
        self._disks = (data_dir, container_storage)
        self._meminfo = meminfo

    async def is_port_free(self, port: int) -> bool:
        """See the port. A listener on all addresses takes the port on loopback, too."""
        return _can_bind(LOOPBACK, port) and _can_bind(EVERYWHERE, port)

    async def capacity(self) -> Capacity:
        """See the port."""
        free = await asyncio.to_thread(lambda: [_free_bytes(path) for path in self._disks])
        known = [each for each in free if each is not None]
        return Capacity(free_disk=min(known, default=None), available_memory=_available_memory(self._meminfo))


def _can_bind(address: str, port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        # connections that wait out their end (TIME_WAIT) do not make a port taken; listeners do all the same
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((address, port))
        except (OSError, OverflowError):
            return False
        return True


def _free_bytes(path: Path) -> int | None:
    existing = next((each for each in (path, *path.parents) if each.exists()), path)
    try:
        stat = os.statvfs(existing)
    except OSError:
        return None
    return stat.f_bavail * stat.f_frsize


def _available_memory(meminfo: Path) -> int | None:
    try:
        text = meminfo.read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    fields = {name: int(kilobytes) * 1024 for name, kilobytes in re.findall(r"^(\w+):\s+(\d+) kB$", text, re.MULTILINE)}
    if "MemAvailable" in fields:
        return fields["MemAvailable"]
    # kernels before 3.14 do not say; what they could drop at once comes close
    parts = [fields.get(name) for name in ("MemFree", "Buffers", "Cached")]
    return sum(part for part in parts if part is not None) if parts[0] is not None else None
