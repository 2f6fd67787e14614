"""Images on this host."""

from dataclasses import dataclass


def is_in_cluster(image_id: str) -> bool:
    """Whether this is the id of an image that the nodes of a cluster pull: its name there, ``host/path@digest``."""
    return "@" in image_id


@dataclass(frozen=True, kw_only=True)
class LocalImage:
    """An image in this host's storage.

    ``image_id`` identifies exactly these bytes while they are stored; ``digest`` is the registry's name for them.
    ``volumes``: the declared ``VOLUME`` paths that can be volumes. ``architecture``: such as ``arm64``, "" if unknown.
    ``user``: with whom its program starts, as its author wrote it; "" for root, and where the engine does not ask.
    ``runs_here``: whether this machine, whose architecture is ``machine``, can run the image.
    """

    image_id: str
    digest: str
    size: int
    exposed_ports: tuple[int, ...] = ()
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    architecture: str = ""
    user: str = ""
    runs_here: bool = True
    machine: str = ""


@dataclass(frozen=True, kw_only=True)
class ImagesOnDisk:
    """The disk use of the images of an app's releases, in bytes. ``shared``: layers that another app has too."""

    images: int
    size: int
    shared: int
