"""Differences between two releases: image, names of config vars, manifest."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pvdify.model.config import ConfigVar
from pvdify.model.release import Release


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One difference; see ``wire.differences.Difference``. ``name``: unique within ``part``."""

    part: str
    name: str
    before: str | None = None
    after: str | None = None
    change: str = "changed"


def differences(
    older: Release, newer: Release, before: Mapping[str, ConfigVar], after: Mapping[str, ConfigVar]
) -> tuple[Difference, ...]:
    """Return all differences. ``before``, ``after``: the releases' config vars; their values are never returned."""
    return (*_of_image(older, newer), *_of_config(before, after), *_of_manifest(older, newer))


def _of_image(older: Release, newer: Release) -> Iterator[Difference]:
    for name, before, after in (
        ("reference", older.image, newer.image),
        ("digest", older.digest, newer.digest),
    ):
        if before != after:
            yield Difference(part="image", name=name, before=before, after=after)


def _of_config(before: Mapping[str, ConfigVar], after: Mapping[str, ConfigVar]) -> Iterator[Difference]:
    for name in sorted({*before, *after}):
        if before.get(name) != after.get(name):
            yield Difference(part="config", name=name, change=_change(was_there=name in before, is_there=name in after))


def _of_manifest(older: Release, newer: Release) -> Iterator[Difference]:
    before, after = (dict(_leaves(it.manifest.model_dump(mode="json", exclude_defaults=True))) for it in (older, newer))
    for name in dict.fromkeys([*before, *after]):
        if before.get(name) != after.get(name):
            change = _change(was_there=name in before, is_there=name in after)
            yield Difference(part="manifest", name=name, before=before.get(name), after=after.get(name), change=change)


def _leaves(content: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    for key, value in content.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{path}{key}.")
        else:
            yield f"{path}{key}", value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _change(*, was_there: bool, is_there: bool) -> str:
    if was_there and is_there:
        return "changed"
    return "added" if is_there else "removed"
