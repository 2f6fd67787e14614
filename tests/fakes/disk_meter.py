"""A disk meter with scripted usage."""

from collections.abc import Mapping

from pvdify.errors import PvdifyError
from pvdify.model.disk_use import DiskUse


class FakeDiskMeter:
    """``use``: by app; ``error``: raised instead."""

    def __init__(self) -> None:
        self.use: dict[str, DiskUse] = {}
        self.error: PvdifyError | None = None

    async def measure(self) -> Mapping[str, DiskUse]:
        """See the port."""
        if self.error is not None:
            raise self.error
        return dict(self.use)
