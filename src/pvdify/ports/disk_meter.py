"""Measures what apps take on disks."""

from collections.abc import Mapping
from typing import Protocol

from pvdify.model.disk_use import DiskUse


class DiskMeter(Protocol):
    """Slow and gentle: it reads directories at the lowest priority."""

    async def measure(self) -> Mapping[str, DiskUse]:
        """Return what each app takes that has containers, volumes or logs here. Raises RuntimeUnavailable."""
        ...
