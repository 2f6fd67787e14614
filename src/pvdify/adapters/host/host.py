"""The ``host`` port on Linux: statvfs and /proc/meminfo."""

import asyncio
import os
import re
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path

from pvdify.adapters.host import cgroups
from pvdify.model.capacity import Capacity, Usage

# where images and containers are, and below it volumes, which may be a disk of their own; the fullest one decides
CONTAINER_STORAGE = Path("/var/lib/containers/storage")
SOCKET_TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
LISTENING = "0A"


class LinuxHost:
    """What this machine has left, for a server that keeps its data in ``data_dir``."""

    def __init__(
        self,
        data_dir: Path,
        *,
        container_storage: Path = CONTAINER_STORAGE,
        meminfo: Path = Path("/proc/meminfo"),
    ) -> None:
        self._disks = (data_dir, container_storage, container_storage / "volumes")
        self._meminfo = meminfo

    async def has_listener(self, port: int) -> bool:
        """Reads the kernel's table, since binding a port below 1024 needs rights."""
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
