"""The ``instance_logs`` port on the log files that conmon writes, and the output of containers that run once."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from datetime import datetime
from pathlib import Path

from pvdify.adapters.podman.instances.instance_dir import InstanceDir
from pvdify.adapters.podman.logs import output
from pvdify.adapters.podman.logs.logs import LogFiles
from pvdify.model.instance import LogLine
from pvdify.ports.clock import Clock


class PodmanKeptOutput:
    """Implements ``plumbing.containers.KeptOutput`` on files in the instances' directories, on tmpfs."""

    def __init__(self, *, run_dir: Path, clock: Clock) -> None:
        self._instances = run_dir / "instances"
        self._files = LogFiles(self._instances, clock, instances=self._instances)
        self._clock = clock

    def keeps_output(self, name: str) -> bool:
        return InstanceDir(self._instances / name).output_file.exists()

    async def tail_output(self, names: Sequence[str], lines: int, since: datetime | None) -> tuple[LogLine, ...]:
        return await self._files.tail(names, lines, since)

    def follow_output(self, names: Sequence[str], since: datetime) -> AsyncIterator[LogLine]:
        return self._files.follow(names, since)

    def output(self, name: str, ended: asyncio.Event) -> AsyncIterator[tuple[LogLine, ...]]:
        return output.read(InstanceDir(self._instances / name).output_file, name, ended, self._clock)


class PodmanLogs:
    """The logs of instances in ``files``, and the output of containers that run once in ``kept``."""

    def __init__(self, files: LogFiles, kept: PodmanKeptOutput) -> None:
        self._files = files
        self._kept = kept

    async def writers(self, app: str) -> tuple[str, ...]:
        return await asyncio.to_thread(self._files.writers, app)

    async def tail(self, names: Sequence[str], lines: int, *, since: datetime | None = None) -> tuple[LogLine, ...]:
        return await self._files.tail(names, lines, since)

    def history(
        self, names: Sequence[str], lines: int, *, since: datetime | None = None
    ) -> AsyncGenerator[tuple[LogLine, ...], None]:
        return self._files.read(names, lines, since)

    def follow(self, names: Sequence[str], *, since: datetime) -> AsyncIterator[LogLine]:
        return self._files.follow(names, since)

    def output(self, name: str, ended: asyncio.Event) -> AsyncIterator[tuple[LogLine, ...]]:
        return self._kept.output(name, ended)

    async def forget(self, app: str) -> None:
        await asyncio.to_thread(self._files.remove, app)
