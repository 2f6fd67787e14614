"""What apps take on the server's disk."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class AppDisk:
    """The images of an app's releases. ``bytes``: each layer once; ``shared``: those that another app has too.

    ``containers``: bytes that its containers wrote into themselves; ``volumes``, ``logs``: what these take. All three
    are null until they have been measured.
    """

    app: str
    images: int
    bytes: int
    shared: int
    containers: int | None = None
    volumes: int | None = None
    logs: int | None = None
