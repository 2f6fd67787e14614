"""Storage of volumes. A missing volume is created by the first container that mounts it."""

from collections.abc import Mapping
from typing import Protocol


class Volumes(Protocol):
    """The volumes of this server. Volumes that other programs made are not visible."""

    async def survives_rename(self, id: str) -> bool:
        """Return whether an app finds this volume again after it was renamed. Raises RuntimeUnavailable."""
        ...

    async def find(self) -> Mapping[str, str]:
        """Return the app of every stored volume, by the volume's id. Raises RuntimeUnavailable."""
        ...

    async def size(self, id: str) -> int | None:
        """Return a volume's size on disk in bytes; None if it is not stored here, or counting takes too long."""
        ...

    async def copy(self, source: str, target: str, app: str) -> None:
        """Copy volume ``source`` to the volume ``target``, replacing ``target`` if it exists.

        Nothing may write to ``source`` meanwhile. Raises VolumeNotCopied, RuntimeUnavailable.
        """
        ...

    async def remove(self, id: str) -> None:
        """Delete a volume with its content. Absent is fine.

        Raises:
            VolumeInUse: a container still uses it.
            RuntimeUnavailable: the runtime does not answer.
        """
        ...
