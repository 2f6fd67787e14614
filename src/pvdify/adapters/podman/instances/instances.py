"""The ``instances`` port on podman alone: background containers without automatic restarts."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from pvdify.adapters.podman.calls import Calls
from pvdify.adapters.podman.instances.containers import PodmanContainers
from pvdify.adapters.podman.instances.starter import Starter
from pvdify.adapters.podman.logs.logs import LogFiles
from pvdify.model.instance import InstanceSpec, Restart
from pvdify.ports.clock import Clock


class PodmanInstances(PodmanContainers):
    """The instances of one server as podman containers. An exited container stays exited until ``start`` is called.

    Args:
        calls: this server's use of podman.
        run_dir: on tmpfs; contains secrets, which must not be on a disk.
        logs: the instances' log files.
        clock: the time.
    """

    def __init__(self, *, calls: Calls, run_dir: Path, logs: LogFiles, clock: Clock) -> None:
        super().__init__(calls=calls, run_dir=run_dir, clock=clock)
        self._starter = Starter(calls=calls, clock=clock, logs=logs)

    async def start(self, spec: InstanceSpec) -> None:
        """See the port. Needs one call of podman as a rule, and none if the container runs."""
        await self.remove_earlier(spec)
        await self._starter.start(spec, self._files(spec.name))

    async def create(self, spec: InstanceSpec) -> None:
        await self._starter.create(spec, self._files(spec.name))

    async def refresh(self, spec: InstanceSpec) -> None:
        """See the port. podman itself keeps the networks of a running container."""
        await asyncio.to_thread(self._files(spec.name).write, spec.environment)

    async def restarts(self) -> tuple[Restart, ...]:
        """Return an empty tuple: podman restarts no container by itself."""
        return ()

    async def forget_restarts(self, restarts: Sequence[Restart]) -> None:
        """See the port."""
