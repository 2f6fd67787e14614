"""Copies of volumes between this machine and a cluster, which share no storage."""

from typing import Protocol


class VolumeTransfers(Protocol):
    """Copies of volumes from one side to the other. ``runtime``: the one whose instances will mount the copy."""

    async def copy(self, app: str, source: str, target: str, runtime: str) -> None:
        """Copy the volume ``source`` to the new volume ``target``. A source that is not stored makes no copy.

        Nothing may use the source meanwhile. If the copy is interrupted, ``discard`` removes what was made. Raises
        BackupFailed (its cause), VolumeExists (``target`` has content), VolumeInUse, RuntimeUnavailable.
        """
        ...

    async def discard(self, id: str, runtime: str) -> None:
        """Remove a copy, also an incomplete one. Absent is fine. Raises VolumeInUse, RuntimeUnavailable."""
        ...

    async def is_across(self, id: str, runtime: str) -> bool:
        """Return whether the volume is stored on the other side only. Raises RuntimeUnavailable."""
        ...
