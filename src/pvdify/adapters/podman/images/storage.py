"""The size of each app's images, from the lists of images and layers in podman's storage; pure.

podman itself needs one call for each image, and counts a shared layer once for each image.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from pvdify.model.image import ImagesOnDisk


def by_app(images: str, layers: str, server_id: str) -> dict[str, ImagesOnDisk]:
    """Return the size of the images pinned for each app's releases, counting each layer once.

    Raises ValueError if the lists have an unknown form.
    """
    try:
        known = {layer["id"]: layer for layer in json.loads(layers)}
        pinned = _pinned(json.loads(images), server_id)
        layers_of = {app: {it for top in tops for it in _chain(known, top)} for app, tops in pinned.items()}
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"podman's storage has a form that is not known: {error!r}") from error
    users = Counter(layer for found in layers_of.values() for layer in found)
    size = {id: int(layer.get("diff-size", 0)) for id, layer in known.items()}
    return {
        app: ImagesOnDisk(
            images=len(pinned[app]),
            size=sum(size[layer] for layer in found),
            shared=sum(size[layer] for layer in found if users[layer] > 1),
        )
        for app, found in layers_of.items()
    }


def names_of(images: str, image_id: str) -> tuple[str, ...] | None:
    """Return the names of an image, with tags and with digests; None if it is not in the list. Raises ValueError."""
    try:
        found = next((each for each in json.loads(images) if each["id"] == image_id), None)
        return None if found is None else tuple(found.get("names") or ())
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"podman's storage has a form that is not known: {error!r}") from error


def _pinned(images: list[Mapping[str, Any]], server_id: str) -> dict[str, set[str]]:
    """Return the top layers of each app's pinned images."""
    pin = re.compile(rf"localhost/pvdify/{re.escape(server_id)}/([a-z0-9-]+):v\d+")
    found: dict[str, set[str]] = {}
    for image in images:
        for name in image.get("names") or ():
            if match := pin.fullmatch(name):
                found.setdefault(match[1], set()).add(image["layer"])
    return found


def _chain(known: Mapping[str, Mapping[str, Any]], top: str) -> Iterator[str]:
    """Yield a layer and all layers below it."""
    layer: str | None = top
    while layer:
        yield layer
        layer = known[layer].get("parent")
