"""A machine whose listeners, disk and memory the test decides."""

from collections.abc import Collection

from pvdify.model.capacity import Capacity, Usage

GIB = 1024**3


class FakeHost:
    """Has the listeners, disk and memory that the test names."""

    def __init__(self) -> None:
        self.listeners = {443}  # a web server with TLS
        self.used: dict[int, Usage] = {}
        self.free_disk: int | None = 20 * GIB
        self.available_memory: int | None = 4 * GIB

    async def has_listener(self, port: int) -> bool:
        return port in self.listeners

    async def capacity(self) -> Capacity:
        return Capacity(
            free_disk=self.free_disk, available_memory=self.available_memory, total_disk=40 * GIB, total_memory=8 * GIB
        )

    async def usage(self, pids: Collection[int]) -> dict[int, Usage]:
        return {pid: self.used[pid] for pid in pids if pid in self.used}
