"""The ``supervisor`` port on podman alone: containers in the background, with their logs in files."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from pathlib import Path

from pvdify.adapters.podman.calls import Calls
from pvdify.adapters.podman.containers import PodmanContainers
from pvdify.adapters.podman.logs import LogFiles
from pvdify.adapters.podman.starter import Starter
from pvdify.model.instance import InstanceSpec, LogLine, Restart
from pvdify.ports.clock import Clock


class PodmanSupervisor(PodmanContainers):
    """What exits stays exited until it is started again.

    Args:
        calls: this server's use of podman.
        run_dir: on tmpfs; holds what must not touch a disk.
        log_dir: what instances write, ``<app>/<instance>.log``.
        clock: time.
    """

    def __init__(self, *, calls: Calls, run_dir: Path, log_dir: Path, clock: Clock) -> None:
        super().__init__(calls=calls, run_dir=run_dir, clock=clock)
        self._logs = LogFiles(log_dir, clock, instances=self._instances)
        self._starter = Starter(calls=calls, clock=clock, logs=self._logs)

    async def start(self, spec: InstanceSpec) -> None:
        """See the port. One podman call where nothing is in the way, none where it runs."""
        await self._starter.start(spec, self._files(spec.name))

    async def create(self, spec: InstanceSpec) -> None:
        """See the port."""
        await self._starter.create(spec, self._files(spec.name))

    async def restarts(self) -> tuple[Restart, ...]:
        """See the port: there are none."""
        return ()

    async def forget_restarts(self, restarts: Sequence[Restart]) -> None:
        """See the port."""

    async def forget_logs(self, app: str) -> None:
        """See the port."""
        await asyncio.to_thread(self._logs.remove, app)

    async def writers(self, app: str) -> tuple[str, ...]:
        """See the port."""
        return await asyncio.to_thread(self._logs.writers, app)

    async def tail(self, names: Sequence[str], lines: int, *, since: datetime | None = None) -> tuple[LogLine, ...]:
        """See the port."""
        return await self._logs.tail(names, lines, since)

    def follow(self, names: Sequence[str], *, since: datetime) -> AsyncIterator[LogLine]:
        """See the port."""
        return self._logs.follow(names, since)
