"""The ``disk_meter`` port: the size of writable layers and volumes in podman's storage, and of logs.

Makes three calls of podman for all apps together, then runs ``du`` at the lowest priority: ``podman ps --size`` would
read whole images, and podman counts all volumes or none.
"""

import asyncio
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from pvdify.adapters.podman import commands, parse, refusals
from pvdify.adapters.podman.calls import Calls
from pvdify.adapters.podman.reading import read
from pvdify.model.disk_use import DiskUse

COUNT_SECONDS = 600.0  # the longest one `du` may take
AT_ONCE = 200  # directories for one `du`


class PodmanDiskMeter:
    """A meter of the disk space of this server's apps.

    Args:
        calls: this server's use of podman.
        log_dir: the logs of instances and deploys, ``<app>/…``.
    """

    def __init__(self, *, calls: Calls, log_dir: Path) -> None:
        self._calls = calls
        self._log_dir = log_dir

    async def measure(self) -> Mapping[str, DiskUse]:
        layers, volumes = await self._layers(), await self._volumes()
        logs = await asyncio.to_thread(self._logs)
        sizes = await self._count([*layers, *volumes, *logs])
        found: defaultdict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        for kind, places in (("layers", layers), ("volumes", volumes), ("logs", logs)):
            for directory, app in places.items():
                found[app][kind] += sizes.get(directory, 0)
        return {app: DiskUse(**kinds) for app, kinds in found.items()}

    async def _layers(self) -> dict[str, str]:
        """Return the app by the directory of each container's writable layer. Omits containers removed meanwhile."""
        apps = {each.id: each.identity.app for each in await self._calls.list()}
        if not apps:
            return {}
        done = await self._calls.run(commands.ask_for_layers(self._calls.podman, tuple(apps)))
        lines = (line.split("\t", 1) for line in done.stdout.splitlines() if "\t" in line)
        return {directory: apps[id] for id, directory in lines if id in apps and directory.startswith("/")}

    async def _volumes(self) -> dict[str, str]:
        done = await self._calls.run(commands.list_volumes(self._calls.podman, self._calls.server))
        if done.exit_code != 0:
            raise refusals.unavailable(done)
        return await read(done.stdout, lambda text: parse.mountpoints(text, self._calls.server))

    def _logs(self) -> dict[str, str]:
        try:
            with os.scandir(self._log_dir) as entries:
                return {entry.path: entry.name for entry in entries if entry.is_dir(follow_symlinks=False)}
        except OSError:
            return {}

    async def _count(self, directories: list[str]) -> dict[str, int]:
        sizes: dict[str, int] = {}
        for some in _batches(directories):
            # The exit code is ignored: du fails if one directory was removed meanwhile, but counts the others.
            done = await self._calls.run(commands.count_bytes_gently(some), timeout=COUNT_SECONDS)
            sizes |= dict(_counted(done.stdout.splitlines()))
        return sizes


def _batches(directories: list[str]) -> Iterator[tuple[str, ...]]:
    for first in range(0, len(directories), AT_ONCE):
        yield tuple(directories[first : first + AT_ONCE])


def _counted(lines: Iterable[str]) -> Iterator[tuple[str, int]]:
    for line in lines:
        count, _, directory = line.partition("\t")
        if count.isdigit():
            yield directory, int(count)
