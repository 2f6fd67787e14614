"""Instances of two runtimes on one podman: as detached containers, and as units.

Each spec names its runtime, so that an app can move from one runtime to the other while both run.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pvdify.adapters.systemd.units import Units
from pvdify.model.instance import Exit, FoundInstance, InstanceSpec, Restart
from pvdify.ports.instances import Instances
from pvdify.settings import SYSTEMD_IS_HERE

PODMAN, SYSTEMD = "podman", "systemd"


class InstancesBesidePodman:
    """The instances of one server, some of them detached containers and some of them units.

    Args:
        podman: runs detached containers; its files and labels are the same as those of ``systemd``.
        systemd: runs units.
        units: this server's unit files; an instance with a unit belongs to ``systemd``.
        default: the runtime of specs that name none.
    """

    def __init__(self, *, podman: Instances, systemd: Instances, units: Units, default: str) -> None:
        self._podman = podman
        self._systemd = systemd
        self._units = units
        self._default = default

    async def find(self, app: str | None = None) -> tuple[FoundInstance, ...]:
        """See the port. Asks systemd only if this server has units."""
        marks = await self._units.marks()
        found = await (self._systemd if marks else self._podman).find(app)
        named = {mark.name for mark in marks.values()}
        return tuple(replace(each, runtime=SYSTEMD if each.name in named else PODMAN) for each in found)

    async def is_running(self, name: str) -> bool:
        return await self._podman.is_running(name)

    async def start(self, spec: InstanceSpec) -> None:
        """See the port. An instance that is down and has a unit loses the unit if the spec names podman."""
        if await self._podman.is_running(spec.name):
            return
        if self._runtime_of(spec) == SYSTEMD:
            await self._systemd.start(spec)
            return
        if self._units.has(spec.name):
            await self._systemd.remove(spec.name)
        await self._podman.start(spec)

    async def create(self, spec: InstanceSpec) -> None:
        has_unit = self._units.has(spec.name)
        await (self._systemd if has_unit or self._runtime_of(spec) == SYSTEMD else self._podman).create(spec)

    async def refresh(self, spec: InstanceSpec) -> None:
        await self._owner(spec.name).refresh(spec)

    async def stop(self, name: str, grace: float) -> None:
        await self._owner(name).stop(name, grace)

    async def remove(self, name: str) -> None:
        await self._owner(name).remove(name)

    async def wait_down(self, name: str) -> None:
        await self._podman.wait_down(name)

    async def wait(self, name: str) -> Exit:
        return await self._podman.wait(name)

    async def restarts(self) -> tuple[Restart, ...]:
        return await self._systemd.restarts()

    async def forget_restarts(self, restarts: Sequence[Restart]) -> None:
        await self._systemd.forget_restarts(restarts)

    def _owner(self, name: str) -> Instances:
        return self._systemd if self._units.has(name) else self._podman

    def _runtime_of(self, spec: InstanceSpec) -> str:
        return spec.runtime or self._default


class PodmanOrSystemd:
    """Implements ``ports.runtime_options.RuntimeOptions`` on a host with podman."""

    names = (PODMAN, SYSTEMD)

    def __init__(self, root: Path = SYSTEMD_IS_HERE) -> None:
        self._root = root

    async def obstacle(self, name: str) -> str:
        if name == PODMAN or (name == SYSTEMD and self._root.exists()):
            return ""
        return f"systemd is not process 1 of this machine: there is no {self._root}"
