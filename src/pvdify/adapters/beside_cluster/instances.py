"""The ports that address one instance: each call goes to the side where the instance is."""

from collections.abc import Sequence
from dataclasses import replace

from pvdify.adapters.beside_cluster.sides import Sides
from pvdify.adapters.beside_cluster.storage import VolumesBesideCluster
from pvdify.errors import RuntimeUnavailable, StartFailed
from pvdify.model.instance import Exit, FoundInstance, InstanceSpec, Listener, Restart, Usage
from pvdify.model.one_off import TerminalSize
from pvdify.model.runtime_choice import CLUSTER
from pvdify.ports.attached import Attached, Inside, OneOffs
from pvdify.ports.container_changes import ContainerChanges
from pvdify.ports.inspector import Inspector
from pvdify.ports.instances import Instances
from pvdify.timing import first_of


class InstancesBesideCluster:
    """The instances of this machine and of the cluster; the spec names the side of new ones.

    No instance starts where a volume of it would be empty because the volume is on the other side.
    """

    def __init__(
        self, *, local: Instances, cluster: Instances, volumes: VolumesBesideCluster, sides: Sides
    ) -> None:  # fmt: skip
        self._local, self._cluster, self._volumes, self._sides = local, cluster, volumes, sides

    async def find(self, app: str | None = None) -> tuple[FoundInstance, ...]:
        """See the port. For one app, both sides must answer."""
        here = await self._local.find(app)
        if app is None:
            self._sides.found_here({each.name for each in here})
            there = await self._sides.all_in_cluster()
        else:
            there = await self._cluster.find(app) if await self._sides.is_used() else ()
        return (*here, *(replace(each, runtime=CLUSTER) for each in there))

    async def is_running(self, name: str) -> bool:
        owner = self._cluster if await self._sides.probably_in_cluster(name) else self._local
        return await owner.is_running(name)

    async def start(self, spec: InstanceSpec) -> None:
        await self._check_volumes(spec)
        await self._maker(spec).start(spec)

    async def create(self, spec: InstanceSpec) -> None:
        await self._check_volumes(spec)
        await self._maker(spec).create(spec)

    async def refresh(self, spec: InstanceSpec) -> None:
        await (await self._owner(spec.name)).refresh(spec)

    async def stop(self, name: str, grace: float) -> None:
        await (await self._owner(name)).stop(name, grace)

    async def remove(self, name: str) -> None:
        await (await self._owner(name)).remove(name)

    async def wait_down(self, name: str) -> None:
        await (await self._owner(name)).wait_down(name)

    async def wait(self, name: str) -> Exit:
        return await (await self._owner(name)).wait(name)

    async def restarts(self) -> tuple[Restart, ...]:
        """See the port. While the cluster does not answer, those of this machine; the others are not lost."""
        here = await self._local.restarts()
        if not await self._sides.is_used():
            return here
        try:
            return (*here, *(await self._cluster.restarts()))
        except RuntimeUnavailable:
            return here

    async def forget_restarts(self, restarts: Sequence[Restart]) -> None:
        there = [each for each in restarts if await self._sides.is_in_cluster(each.name)]
        await self._local.forget_restarts([each for each in restarts if each not in there])
        if there:
            await self._cluster.forget_restarts(there)

    async def _check_volumes(self, spec: InstanceSpec) -> None:
        for volume in {mount.volume for mount in spec.mounts if mount.volume is not None}:
            if await self._volumes.is_across(volume, spec.runtime):
                raise StartFailed(
                    f"{spec.name} was not started",
                    why=f"its volume {volume} is {'on this machine' if spec.runtime == CLUSTER else 'in the cluster'}",
                    next=f"`pvdify volumes {spec.app}` lists its volumes; "
                    "`pvdify server runtime` moves apps with copies of theirs",
                )

    def _maker(self, spec: InstanceSpec) -> Instances:
        self._sides.note(spec.name, spec.runtime)
        return self._cluster if spec.runtime == CLUSTER else self._local

    async def _owner(self, name: str) -> Instances:
        return self._cluster if await self._sides.is_in_cluster(name) else self._local


class InspectorBesideCluster:
    """The figures of instances on both sides."""

    def __init__(self, *, local: Inspector, cluster: Inspector, sides: Sides) -> None:
        self._local, self._cluster, self._sides = local, cluster, sides

    async def usage(self, name: str) -> Usage | None:
        return await (await self._owner(name)).usage(name)

    async def listeners(self, name: str) -> tuple[Listener, ...]:
        return await (await self._owner(name)).listeners(name)

    async def _owner(self, name: str) -> Inspector:
        return self._cluster if await self._sides.probably_in_cluster(name) else self._local


class OneOffsBesideCluster:
    """One-off commands; the spec names the side."""

    def __init__(self, *, local: OneOffs, cluster: OneOffs, sides: Sides) -> None:
        self._local, self._cluster, self._sides = local, cluster, sides

    async def start(self, spec: InstanceSpec, terminal: TerminalSize | None) -> Attached:
        self._sides.note(spec.name, spec.runtime)
        return await (self._cluster if spec.runtime == CLUSTER else self._local).start(spec, terminal)


class InsideBesideCluster:
    """Commands and connections inside running instances on both sides."""

    def __init__(self, *, local: Inside, cluster: Inside, sides: Sides) -> None:
        self._local, self._cluster, self._sides = local, cluster, sides

    async def enter(
        self, instance: str, number: int, command: str | tuple[str, ...], terminal: TerminalSize | None
    ) -> Attached:
        return await (await self._owner(instance)).enter(instance, number, command, terminal)

    async def connect(self, instance: str, port: int) -> Attached:
        return await (await self._owner(instance)).connect(instance, port)

    async def _owner(self, name: str) -> Inside:
        return self._cluster if await self._sides.is_in_cluster(name) else self._local


class ChangesBesideCluster:
    """Signals of both sides."""

    def __init__(self, *, local: ContainerChanges, cluster: ContainerChanges, sides: Sides) -> None:
        self._local, self._cluster, self._sides = local, cluster, sides
        self._is_waiting_for_cluster = False

    @property
    def is_reporting(self) -> bool:
        """See the port. The cluster's own reports count from the first time that it is in use."""
        return self._local.is_reporting and (self._cluster.is_reporting or not self._is_waiting_for_cluster)

    async def wait(self) -> None:
        self._is_waiting_for_cluster = await self._sides.is_used()
        other = self._cluster.wait() if self._is_waiting_for_cluster else self._sides.came_into_use.wait()
        await first_of(self._local.wait(), other)
