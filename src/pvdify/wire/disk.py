"""The type for an app's disk usage."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class AppDisk:
    """Disk usage of one app; all sizes in bytes.

    ``images``: the number of its releases' images. ``bytes``: their layers, each counted once; ``shared``: the layers
    that other apps use, too. ``containers``: data written inside its containers; ``volumes``, ``logs``: their sizes.
    All three are null until measured.
    """

    app: str
    images: int
    bytes: int
    shared: int
    containers: int | None = None
    volumes: int | None = None
    logs: int | None = None
