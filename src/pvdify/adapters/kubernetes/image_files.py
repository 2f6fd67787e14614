"""What is known of images whose layers are in registries and on nodes: files in the data directory.

An image is known while a release pins it, or an instance uses it.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from pvdify.model.image import ImagesOnDisk, LocalImage


@dataclass(frozen=True, kw_only=True)
class Known:
    """An image and the sizes of its parts by digest."""

    image: LocalImage
    parts: Mapping[str, int]


class ImageFiles:
    """The files ``images/<hash>.json`` and ``pins/<app>/v<release>``. Every method raises OSError.

    Args:
        directory: contains them.
        write: replaces a file whole and durably, and creates missing folders.
    """

    def __init__(self, directory: Path, write: Callable[[Path, bytes], None]) -> None:
        self._write = write
        self._images = directory / "images"
        self._pins = directory / "pins"

    def read(self, image_id: str) -> Known | None:
        """Return the image with this id; None if it is not known."""
        try:
            found = json.loads(self._file(image_id).read_text(encoding="utf-8"))
            image = found["image"]
            for name in ("exposed_ports", "entrypoint", "command", "volumes"):
                image[name] = tuple(image[name])
            return Known(image=LocalImage(**image), parts=found["parts"])
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError):
            return None  # damaged; it is asked of the registry again

    def user(self, image_id: str) -> str:
        """Return with whom the program of the image starts; "" for root, and if the image is not known."""
        known = self.read(image_id)
        return known.image.user if known else ""

    def write(self, known: Known) -> None:
        """Remember the image."""
        text = json.dumps({"image": asdict(known.image), "parts": dict(known.parts)})
        self._write(self._file(known.image.image_id), text.encode())

    def forget(self, image_id: str) -> None:
        """Forget the image."""
        self._file(image_id).unlink(missing_ok=True)

    def pin(self, image_id: str, app: str, release: int) -> None:
        """Pin the image for a release."""
        self._write(self._pins / app / f"v{release}", image_id.encode())

    def unpin(self, app: str, release: int) -> str | None:
        """Remove the release's pin; return the image's id, None if there was no pin."""
        path = self._pins / app / f"v{release}"
        try:
            image_id = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        path.unlink(missing_ok=True)
        return image_id

    def pins(self) -> Iterator[tuple[str, int, str]]:
        """Yield app, release and image id of each pin."""
        for path in sorted(self._pins.glob("*/v*")):
            number = path.name.removeprefix("v")
            if number.isdecimal():
                yield path.parent.name, int(number), path.read_text(encoding="utf-8")

    def disk(self) -> dict[str, ImagesOnDisk]:
        """Return the size of each app's pinned images; a part that several have counts once."""
        of_app: defaultdict[str, set[str]] = defaultdict(set)
        for app, _, image_id in self.pins():
            of_app[app].add(image_id)
        parts = {app: self._parts(ids) for app, ids in of_app.items()}
        return {
            app: ImagesOnDisk(
                images=len(of_app[app]), size=sum(own.values()),
                shared=sum(size for key, size in own.items() if any(key in parts[it] for it in parts if it != app)),
            )
            for app, own in parts.items()
        }  # fmt: skip

    def _parts(self, ids: set[str]) -> dict[str, int]:
        found: dict[str, int] = {}
        for image_id in ids:
            known = self.read(image_id)
            found |= dict(known.parts) if known else {}
        return found

    def _file(self, image_id: str) -> Path:
        return self._images / f"{hashlib.sha256(image_id.encode()).hexdigest()}.json"
