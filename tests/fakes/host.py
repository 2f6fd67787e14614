"""A machine whose ports, disk and memory the test decides."""

from collections.abc import Collection
from typing import Protocol

from pvdify.model.capacity import Capacity, Usage

GIB = 1024**3


class HasPorts(Protocol):
    """What FakeHost asks of a FakeSupervisor."""

    def used_ports(self) -> frozenset[int]: ...


class FakeHost:
    """Ports are free unless named in ``taken`` or used by a running container of ``supervisor``."""

    def __init__(self, *, supervisor: HasPorts | None = None) -> None:
        self.taken: set[int] = set()
        self.used: dict[int, Usage] = {}
        self.free_disk: int | None = 20 * GIB
        self.available_memory: int | None = 4 * GIB
        self._supervisor = supervisor

    async def is_port_free(self, port: int) -> bool:
        used = self._supervisor.used_ports() if self._supervisor else frozenset()
        return port not in self.taken and port not in used

    async def capacity(self) -> Capacity:
        return Capacity(
            free_disk=self.free_disk, available_memory=self.available_memory, total_disk=40 * GIB, total_memory=8 * GIB
        )

    async def usage(self, pids: Collection[int]) -> dict[int, Usage]:
        return {pid: self.used[pid] for pid in pids if pid in self.used}
