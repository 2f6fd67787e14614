"""The ``host`` port on Linux: statvfs, /proc and control groups."""

import asyncio
import os
import re
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path

from pvdify.adapters.host import cgroups
from pvdify.model.capacity import Capacity, Usage

SOCKET_TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
LISTENING = "0A"  # the state TCP_LISTEN in these tables


class LinuxHost:
    """Disk, memory and listeners of this machine.

    Args:
        data_dir: the server's data.
        container_storage: images and containers, with the volumes below. Each may be on a disk of its own; the one with
            the least free space counts.
        meminfo: the kernel's file about memory.
    """

    def __init__(
        self, data_dir: Path, *, container_storage: Path, meminfo: Path = Path("/proc/meminfo")
    ) -> None:  # fmt: skip
        self._disks = (data_dir, container_storage, container_storage / "volumes")
        self._meminfo = meminfo

    async def has_listener(self, port: int) -> bool:
        """Read the kernel's table of sockets. Binding the port would need root's rights for ports below 1024."""
        return await asyncio.to_thread(_has_listener, port)

    async def capacity(self) -> Capacity:
        found = await asyncio.to_thread(lambda: [_disk(path) for path in self._disks])
        free, total = min((each for each in found if each is not None), default=(None, None))
        memory = _memory(self._meminfo)
        return Capacity(
            free_disk=free, total_disk=total, available_memory=_available(memory), total_memory=memory.get("MemTotal")
        )

    async def usage(self, pids: Collection[int]) -> dict[int, Usage]:
        found = await asyncio.to_thread(lambda: {pid: cgroups.usage_of(pid) for pid in pids})
        return {pid: usage for pid, usage in found.items() if usage is not None}


def _has_listener(port: int) -> bool:
    for table in SOCKET_TABLES:
        with suppress(OSError):
            for line in table.read_text(encoding="ascii").splitlines()[1:]:
                _, local, _, state, *_ = line.split()
                if state == LISTENING and int(local.rpartition(":")[2], 16) == port:
                    return True
    return False


def _disk(path: Path) -> tuple[int, int] | None:
    """Return the free and the total bytes of the disk that a path is on, also for a path that does not exist."""
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
    # Kernels before 3.14 do not report it; free memory plus what the kernel can drop at once is close.
    parts = [fields.get(name) for name in ("MemFree", "Buffers", "Cached")]
    return sum(part for part in parts if part is not None) if parts[0] is not None else None
