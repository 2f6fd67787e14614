"""What an image is to us, once it is on this host."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class LocalImage:
    """An image in this host's storage.

    ``image_id`` names exactly these bytes for as long as they are stored; ``digest`` is what the registry calls them.
    ``volumes``: the ``VOLUME`` paths that it declares and that can be volumes.
    ``architecture``: ``arm64`` and the like, "" where that is not known. ``runs_here``: whether this machine, which is
    a ``machine``, can run it.
    """

    image_id: str
    digest: str
    size: int
    exposed_ports: tuple[int, ...] = ()
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    architecture: str = ""
    runs_here: bool = True
    machine: str = ""


@dataclass(frozen=True, kw_only=True)
class ImagesOnDisk:
    """What the images of an app's releases take, in bytes. ``shared``: the layers that another app has too."""

    images: int
    size: int
    shared: int
