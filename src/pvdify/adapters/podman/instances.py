"""The ``instances`` port on podman alone: containers in the background, which nothing starts again by itself."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from pvdify.adapters.podman.calls import Calls
from pvdify.adapters.podman.containers import PodmanContainers
from pvdify.adapters.podman.logs import LogFiles
from pvdify.adapters.podman.starter import Starter
from pvdify.model.instance import InstanceSpec, Restart
from pvdify.ports.clock import Clock


class PodmanInstances(PodmanContainers):
    """What exits stays exited until it is started again.

    Args:
        calls: this server's use of podman.
        run_dir: on tmpfs; holds what must not touch a disk.
        logs: where instances write.
        clock: time.
    """

    def __init__(self, *, calls: Calls, run_dir: Path, logs: LogFiles, clock: Clock) -> None:
        super().__init__(calls=calls, run_dir=run_dir, clock=clock)
        self._starter = Starter(calls=calls, clock=clock, logs=logs)

    async def start(self, spec: InstanceSpec) -> None:
        """One podman call, or none if the container runs already."""
        await self.remove_earlier(spec)
        await self._starter.start(spec, self._files(spec.name))

    async def create(self, spec: InstanceSpec) -> None:
        await self._starter.create(spec, self._files(spec.name))

    async def refresh(self, spec: InstanceSpec) -> None:
        """See the port. podman itself keeps the networks of a running container."""
        await asyncio.to_thread(self._files(spec.name).write, spec.environment)

    async def restarts(self) -> tuple[Restart, ...]:
        """Always empty: podman restarts nothing by itself."""
        return ()

    async def forget_restarts(self, restarts: Sequence[Restart]) -> None:
        """See the port."""
