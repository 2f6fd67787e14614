"""What apps take on the server's disks, besides their images."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class DiskUse:
    """Bytes: what an app's containers wrote into themselves, its volumes (those in the trash too), and its logs."""

    layers: int = 0
    volumes: int = 0
    logs: int = 0

    @property
    def total(self) -> int:
        """All of it."""
        return self.layers + self.volumes + self.logs


@dataclass
class DiskBoard:
    """What was measured last, by app, and when; ``over``: the apps that take more than the limit."""

    use: Mapping[str, DiskUse] = field(default_factory=dict)
    at: datetime | None = None
    over: frozenset[str] = frozenset()
