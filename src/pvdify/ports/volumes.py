"""The storage of volumes. A container that mounts one makes it where it is missing."""

from collections.abc import Mapping
from typing import Protocol


class Volumes(Protocol):
    """What this server stores for apps. Sees only what this server made."""

    async def find(self) -> Mapping[str, str]:
        """Return the id of every volume that is stored here, with its app. Raises RuntimeUnavailable."""
        ...

    async def size(self, id: str) -> int | None:
        """Return how many bytes of disk a volume takes; None if it is not stored here, or counting takes too long."""
        ...

    async def copy(self, source: str, target: str, app: str) -> None:
        """Make the volume ``target``, anew if it is there, with everything that ``source`` holds.

        Nothing may write to ``source`` meanwhile. Raises VolumeNotCopied, RuntimeUnavailable.
        """
        ...

    async def remove(self, id: str) -> None:
        """Delete a volume with everything in it. Absent is fine.

        Raises:
            VolumeInUse: a container still uses it.
            RuntimeUnavailable: the runtime does not answer.
        """
        ...
