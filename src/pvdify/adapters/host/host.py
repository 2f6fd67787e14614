"""The ``host`` port on Linux: bind, statvfs and /proc/meminfo."""

import asyncio
import os
import re
import socket
from collections.abc import Collection, Mapping
from pathlib import Path

from pvdify.adapters.host import cgroups
from pvdify.model.capacity import Capacity, Usage

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
        found = await asyncio.to_thread(lambda: [_disk(path) for path in self._disks])
        free, total = min((each for each in found if each is not None), default=(None, None))
        memory = _memory(self._meminfo)
        return Capacity(
            free_disk=free, total_disk=total, available_memory=_available(memory), total_memory=memory.get("MemTotal")
        )

    async def usage(self, pids: Collection[int]) -> dict[int, Usage]:
        """See the port."""
        found = await asyncio.to_thread(lambda: {pid: cgroups.usage_of(pid) for pid in pids})
        return {pid: usage for pid, usage in found.items() if usage is not None}


def _can_bind(address: str, port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        # connections that wait out their end (TIME_WAIT) do not make a port taken; listeners do all the same
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((address, port))
        except (OSError, OverflowError):
            return False
        return True


def _disk(path: Path) -> tuple[int, int] | None:
    """Bytes free and in all, of the disk that a path is on."""
    existing = next((each for each in (path, *path.parents) if each.exists()), path)
    try:
        stat = os.statvfs(existing)
    except OSError:
        return None
    return stat.f_bavail * stat.f_frsize, stat.f_blocks * stat.f_frsize


def _memory(meminfo: Path) -> dict[str, int]:
    try:
        text = meminfo.read_text(encoding="ascii", errors="replace")
    except OSError:
        return {}
    return {name: int(kilobytes) * 1024 for name, kilobytes in re.findall(r"^(\w+):\s+(\d+) kB$", text, re.MULTILINE)}


def _available(fields: Mapping[str, int]) -> int | None:
    if "MemAvailable" in fields:
        return fields["MemAvailable"]
    # kernels before 3.14 do not say; what they could drop at once comes close
    parts = [fields.get(name) for name in ("MemFree", "Buffers", "Cached")]
    return sum(part for part in parts if part is not None) if parts[0] is not None else None
