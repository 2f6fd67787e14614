"""The measurement of the disk space that apps use."""

from collections.abc import Mapping
from typing import Protocol

from pvdify.model.disk_use import DiskUse


class DiskMeter(Protocol):
    """A slow meter: it reads directories at the lowest I/O priority."""

    async def measure(self) -> Mapping[str, DiskUse]:
        """Return the disk use of each app that has containers, volumes or logs here. Raises RuntimeUnavailable."""
        ...
