"""The ``volume_copies`` port on a cluster, whose volumes this machine cannot read: each copy is refused by name."""

from contextlib import AbstractAsyncContextManager
from pathlib import Path

from pvdify.errors import BackupFailed


class NoVolumeCopies:
    """Refuses to copy. Snapshots of the cluster's storage are the way to keep these volumes."""

    async def copy_out(
        self, id: str, into: Path, *, while_frozen: AbstractAsyncContextManager[None] | None
    ) -> float:  # fmt: skip
        del into, while_frozen
        raise _refused(id, "was not copied")

    async def copy_in(self, app: str, id: str, content: Path) -> None:
        del app, content
        raise _refused(id, "was not restored")

    async def thaw(self) -> None:
        """Do nothing: nothing is ever paused."""


def _refused(id: str, what: str) -> BackupFailed:
    return BackupFailed(
        f"the volume {id} {what}",
        why="it is in the storage of the cluster, and pvdify copies only volumes on its own machine",
        next="keep it with snapshots of the cluster's storage, or write a copy elsewhere by a scheduled job",
    )
