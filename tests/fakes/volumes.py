"""The storage of volumes in memory, filled by the containers that mount them."""

from collections.abc import Mapping

from pvdify.errors import VolumeInUse, VolumeNotCopied
from tests.fakes.supervisor import FakeSupervisor

SIZE = 4096


class FakeVolumes:
    """What the fake supervisor's containers made."""

    def __init__(self, supervisor: FakeSupervisor) -> None:
        self._supervisor = supervisor
        self.copies: list[tuple[str, str]] = []
        self.copy_fails = False
        self.staying: set[str] = set()  # ids of volumes that a renamed app would not find

    async def survives_rename(self, id: str) -> bool:
        return id not in self.staying

    async def find(self) -> Mapping[str, str]:
        return dict(self._supervisor.stored_volumes)

    async def size(self, id: str) -> int | None:
        return SIZE if id in self._supervisor.stored_volumes else None

    async def copy(self, source: str, target: str, app: str) -> None:
        if self.copy_fails:
            raise VolumeNotCopied(f"the volume {source} was not copied", why="no space left on device")
        await self.remove(target)
        self._supervisor.stored_volumes[target] = app
        self.copies.append((source, target))

    async def remove(self, id: str) -> None:
        if self._supervisor.mounts(id):
            raise VolumeInUse(f"the volume {id} was not removed", why="a container still mounts it")
        self._supervisor.stored_volumes.pop(id, None)
