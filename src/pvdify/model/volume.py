"""Volumes: directories that belong to an app and outlive its releases."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import PurePosixPath

from pvdify.manifest.definition import NOT_FOR_VOLUMES, Manifest, Volume
from pvdify.manifest.names import VOLUME_NAME

LONGEST_NAME = 30  # characters


@dataclass(frozen=True, kw_only=True)
class AppVolume:
    """The storage of one volume of an app.

    ``id`` identifies this storage and is never reused: a volume that is destroyed and created again gets another one.
    ``trashed_at``: when it was destroyed; it can be restored until it is purged.
    """

    id: str
    app: str
    name: str
    created_at: datetime
    trashed_at: datetime | None = None
    trashed_by: str | None = None

    @property
    def is_trashed(self) -> bool:
        """Whether it is in the trash, where no container can mount it."""
        return self.trashed_at is not None


@dataclass(frozen=True, kw_only=True)
class Mount:
    """A directory in a container. ``volume``: the id of its storage; None if it is removed with the container."""

    path: str
    volume: str | None = None


def new_volume(app: str, name: str, at: datetime) -> AppVolume:
    """Return a new, empty volume."""
    return AppVolume(id=f"{app}-{name}-{at:%Y%m%d%H%M%S%f}", app=app, name=name, created_at=at)


def copy_for_move(volume: AppVolume, release: int, at: datetime) -> AppVolume:
    """Return the volume that takes the place of this one when its app moves.

    The same arguments give the same id, and no other volume has it. ``release``: the version of the release that moves
    the app. ``at``: when that release was made.
    """
    made = new_volume(volume.app, volume.name, at)
    return replace(made, id=f"{made.id}-v{release}")


def volumes_of(manifest: Manifest, image_paths: Iterable[str]) -> dict[str, Volume]:
    """Return the volumes of a release by name: those of its manifest, and the image's other ``VOLUME`` paths.

    The name of an image's volume is made from its path: ``/var/lib/x`` is ``var-lib-x``.
    """
    volumes = dict(manifest.volumes)
    named = {volume.path for volume in volumes.values()}
    for path in sorted(set(image_paths)):
        if path not in named:
            volumes[_free_name(path, volumes)] = Volume(path=path)
    return volumes


def lasting(*every: Mapping[str, Volume]) -> list[str]:
    """Return the names of the volumes of several releases that outlive each of them."""
    return sorted({name for volumes in every for name, volume in volumes.items() if not volume.ephemeral})


def mountable_paths(declared: Iterable[str]) -> tuple[str, ...]:
    """Return an image's ``VOLUME`` paths that can be volumes, normalised. Images may declare unusable paths."""
    paths = {PurePosixPath("/") / path for path in declared}
    usable = (path for path in paths if len(path.parts) > 1 and f"/{path.parts[1]}" not in NOT_FOR_VOLUMES)
    return tuple(sorted(str(path) for path in usable if ".." not in path.parts and not set(str(path)) & set(":,\0\n")))


def shared_exclusively(before: Mapping[str, Volume], after: Mapping[str, Volume]) -> tuple[str, ...]:
    """Return the volumes that both releases have and that only one of them may use at a time."""
    both = [(name, before[name], after[name]) for name in after if name in before]
    return tuple(
        name
        for name, one, other in both
        if (one.is_exclusive or other.is_exclusive) and not (one.ephemeral or other.ephemeral)
    )


def _free_name(path: str, taken: Mapping[str, Volume]) -> str:
    words = re.sub(r"[^a-z0-9]+", "-", path.lower()).strip("-") or "volume"
    name = (words if words[0].isalpha() else f"v-{words}")[:LONGEST_NAME].strip("-")
    candidates = (name, *(f"{name[: LONGEST_NAME - 3]}-{number}" for number in range(2, 100)))
    return next(each for each in candidates if each not in taken and VOLUME_NAME.fullmatch(each))
