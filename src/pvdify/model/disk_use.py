"""Disk use of apps, without their images."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class DiskUse:
    """Bytes of an app's container layers, volumes (including those in the trash) and logs."""

    layers: int = 0
    volumes: int = 0
    logs: int = 0

    @property
    def total(self) -> int:
        return self.layers + self.volumes + self.logs


@dataclass
class DiskMeasurements:
    """The latest measurements by app, and their time. ``over``: the apps above the limit."""

    use: Mapping[str, DiskUse] = field(default_factory=dict)
    at: datetime | None = None
    over: frozenset[str] = frozenset()
