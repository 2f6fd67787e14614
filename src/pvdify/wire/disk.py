"""What apps take on the server's disk."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class AppDisk:
    """The images of an app's releases. ``bytes``: each layer once; ``shared``: those that another app has too."""

    app: str
    images: int
    bytes: int
    shared: int
