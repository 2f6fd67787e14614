"""Copies of volumes between this machine and the cluster, straight from one volume into the other.

The stream is the one of backups: each end proves that it is complete, and a claim without all its files is marked.
"""

from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Protocol

from pvdify.adapters.beside_cluster.sides import is_across
from pvdify.errors import VolumeInUse
from pvdify.model.runtime_choice import CLUSTER
from pvdify.ports.backups import VolumeCopies
from pvdify.ports.volumes import Volumes


class LocalFiles(Protocol):
    """The directories of this machine's volumes. Every method raises RuntimeUnavailable."""

    async def is_used(self, id: str) -> bool:
        """Return whether a running container mounts the volume."""
        ...

    async def directory(self, id: str) -> Path:
        """Return the directory of a volume. Raises BackupFailed if it is absent."""
        ...

    async def flush(self, id: str) -> None:
        """Wait until the disk has everything that was written to the volume. Raises BackupFailed."""
        ...

    async def new_directory(self, app: str, id: str) -> Path:
        """Make a volume unless it is there, and return its directory. Raises VolumeExists if it has content."""
        ...


class ClusterCopies(VolumeCopies, Protocol):
    """The copier of the cluster's volumes."""

    async def discard(self, id: str) -> None:
        """Remove a volume and what was copying into it. Absent is fine. Raises VolumeInUse, RuntimeUnavailable."""
        ...


class TransfersBesideCluster:
    """Implements ``ports.volume_transfers.VolumeTransfers``.

    Args:
        files: the directories of this machine's volumes.
        copies: the copier of the cluster's volumes.
        local, cluster: the volumes of each side.
        is_used: whether anything of this server may be in the cluster.
    """

    def __init__(
        self, *, files: LocalFiles, copies: ClusterCopies, local: Volumes, cluster: Volumes,
        is_used: Callable[[], Awaitable[bool]],
    ) -> None:  # fmt: skip
        self._files, self._copies, self._local, self._cluster, self._is_used = files, copies, local, cluster, is_used

    async def copy(self, app: str, source: str, target: str, runtime: str) -> None:
        if source not in await self._side(CLUSTER if runtime != CLUSTER else "").find():
            return
        if runtime != CLUSTER:
            into = await self._files.new_directory(app, target)
            await self._copies.copy_out(source, into, while_frozen=nullcontext())
            await self._files.flush(target)  # the cluster's end of a stream does the same
            return
        if await self._files.is_used(source):
            raise VolumeInUse(
                f"the volume {source} was not copied",
                why="a container still uses it",
                next=f"`pvdify ps {app}` shows what runs; then `pvdify server runtime` again",
            )
        await self._copies.copy_in(app, target, await self._files.directory(source), runtime=runtime)

    async def discard(self, id: str, runtime: str) -> None:
        if runtime == CLUSTER:
            await self._copies.discard(id)
        else:
            await self._local.remove(id)

    async def is_across(self, id: str, runtime: str) -> bool:
        return await is_across(id, runtime, local=self._local, cluster=self._cluster, is_used=self._is_used)

    def _side(self, runtime: str) -> Volumes:
        return self._cluster if runtime == CLUSTER else self._local
