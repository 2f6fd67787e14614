"""Copies of volumes between one machine and a cluster, in memory. Volumes have content, and a side."""

from collections.abc import Callable

from pvdify.errors import BackupFailed, VolumeExists, VolumeInUse
from pvdify.model.instance import InstanceSpec
from pvdify.model.runtime_choice import CLUSTER
from pvdify.ports.clock import Clock
from tests.fakes.supervisor import FakeSupervisor


class FakeVolumeTransfers:
    """Implements ``ports.volume_transfers.VolumeTransfers``.

    A volume is on the side where its first instance started, or where its copy was made. ``wrong`` names every instance
    that started with a volume of the other side, or with an incomplete one.
    """

    def __init__(self, *, clock: Clock, supervisor: FakeSupervisor) -> None:
        self._clock, self._supervisor = clock, supervisor
        self.seconds = 1.0  # what a copy takes
        self.problem: str | None = None  # why copies fail, in the middle
        self.in_the_middle: Callable[[], None] = lambda: None
        self.content: dict[str, list[str]] = {}  # what instances wrote, by volume
        self._in_cluster: dict[str, bool] = {}
        self._incomplete: set[str] = set()
        self.wrong: list[str] = []
        supervisor.on_start = self._note

    async def copy(self, app: str, source: str, target: str, runtime: str) -> None:
        stored = self._supervisor.stored_volumes
        if source not in stored:
            return
        assert self._in_cluster[source] != (runtime == CLUSTER), f"{source} is on the side of {runtime} already"
        if target in stored:
            raise VolumeExists(f"the volume {target} was not copied", why="it has content")
        if self._is_used(source):
            raise VolumeInUse(f"the volume {source} was not copied", why="a container still uses it")
        stored[target], self._in_cluster[target] = app, runtime == CLUSTER
        self._incomplete.add(target)
        before = list(self.content.get(source, ()))
        await self._clock.sleep(self.seconds / 2)
        self.in_the_middle()
        if self.problem is not None:
            raise BackupFailed(f"the files of {source} were not copied", why=self.problem)
        await self._clock.sleep(self.seconds / 2)
        assert before == self.content.get(source, []), f"something wrote to {source} while it was copied"
        self.content[target] = before
        self._incomplete.discard(target)

    async def discard(self, id: str, runtime: str) -> None:
        assert not self._supervisor.mounts(id), f"{id} is in use"
        if self._supervisor.stored_volumes.pop(id, None) is not None:
            assert self._in_cluster.pop(id) == (runtime == CLUSTER)
        self._incomplete.discard(id)
        self.content.pop(id, None)

    async def is_across(self, id: str, runtime: str) -> bool:
        return id in self._in_cluster and self._in_cluster[id] != (runtime == CLUSTER)

    def write(self, app: str, text: str) -> None:
        """A running web instance of the app acknowledges a write to its volumes."""
        for name in self._supervisor.running:
            spec = self._supervisor.spec(name)
            for mount in spec.mounts if spec.app == app and spec.process == "web" else ():
                if mount.volume is not None:
                    self.content.setdefault(mount.volume, []).append(text)

    def make(self, id: str, runtime: str, text: str) -> None:
        """An instance of the app ``shop`` made a volume on this side, and wrote to it."""
        self._supervisor.stored_volumes[id] = "shop"
        self._in_cluster[id], self.content[id] = runtime == CLUSTER, [text]

    def read(self, id: str, runtime: str) -> str:
        """What a volume on this side contains."""
        return "".join(self.content[id]) if self._in_cluster.get(id) == (runtime == CLUSTER) else ""

    def _is_used(self, id: str) -> bool:
        running = (self._supervisor.spec(name) for name in self._supervisor.running)
        return any(mount.volume == id for spec in running for mount in spec.mounts)

    def _note(self, spec: InstanceSpec) -> None:
        for mount in spec.mounts:
            if mount.volume is None:
                continue
            is_in_cluster = self._in_cluster.setdefault(mount.volume, spec.runtime == CLUSTER)
            if is_in_cluster != (spec.runtime == CLUSTER):
                self.wrong.append(f"{spec.name} got {mount.volume} of the other side")
            if mount.volume in self._incomplete:
                self.wrong.append(f"{spec.name} got a part of {mount.volume}")
