"""The ``disk_meter`` port on a cluster: the logs on this machine, and what claims reserve in the cluster."""

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path

from pvdify.adapters.kubernetes.volumes import ClusterVolumes
from pvdify.model.disk_use import DiskUse

BLOCK = 512  # bytes, the unit of ``st_blocks``


class ClusterDiskMeter:
    """A meter of the disk space of this server's apps. What containers write to their own layer is on their nodes.

    Args:
        volumes: the claims.
        log_dir: the logs of instances and deploys, ``<app>/…``.
    """

    def __init__(self, *, volumes: ClusterVolumes, log_dir: Path) -> None:
        self._volumes, self._log_dir = volumes, log_dir

    async def measure(self) -> Mapping[str, DiskUse]:
        volumes, logs = await self._volumes.sizes(), await asyncio.to_thread(self._logs)
        apps = sorted({*volumes, *logs})
        return {app: DiskUse(volumes=volumes.get(app, 0), logs=logs.get(app, 0)) for app in apps}

    def _logs(self) -> dict[str, int]:
        try:
            with os.scandir(self._log_dir) as entries:
                apps = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
        except OSError:
            return {}
        return {app: _bytes_in(self._log_dir / app) for app in apps}


def _bytes_in(directory: Path) -> int:
    """Return the bytes on disk below the directory; files that are removed meanwhile do not count."""
    total = 0
    for place, _, names in os.walk(directory):
        for name in names:
            try:
                total += os.lstat(os.path.join(place, name)).st_blocks * BLOCK  # noqa: PTH118 - one of many files
            except OSError:
                continue
    return total
