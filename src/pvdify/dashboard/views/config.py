"""View models of config vars: the actor and release of each, and the changes that the next deploy applies."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from pvdify.model.config import ConfigVar, ConfigVersion
from pvdify.model.release import Release


@dataclass(frozen=True, kw_only=True)
class Row:
    """One config var. ``text``: None for a secret. ``release``: the first release with its current value, or None."""

    name: str
    text: str | None
    version: int | None
    set_by: str
    set_at: datetime | None
    release: int | None


@dataclass(frozen=True, kw_only=True)
class Change:
    """A change that the next deploy applies. ``kind``: added, changed or removed."""

    name: str
    kind: str


def rows_of(
    values: Mapping[str, ConfigVar], versions: Sequence[ConfigVersion], releases: Sequence[Release]
) -> tuple[Row, ...]:
    """Return the config vars ordered by name. Pass ``versions`` and ``releases`` newest first."""
    last_set: dict[str, ConfigVersion] = {}
    for version in versions:
        for key in version.set_keys:
            last_set.setdefault(key, version)
    return tuple(
        _row(name, var, last_set.get(name), releases) for name, var in sorted(values.items())
    )  # fmt: skip


def _row(name: str, var: ConfigVar, version: ConfigVersion | None, releases: Sequence[Release]) -> Row:
    has_it = [it.version for it in releases if version is not None and it.config_version >= version.version]
    return Row(
        name=name, text=None if var.is_secret else str(var.value), version=version.version if version else None,
        set_by=version.created_by if version else "", set_at=version.created_at if version else None,
        release=min(has_it, default=None),
    )  # fmt: skip


def unapplied(
    values: Mapping[str, ConfigVar], versions: Iterable[ConfigVersion], live_version: int | None
) -> tuple[Change, ...]:
    """Return the differences between the newest config and the live release's config, ordered by name.

    A name that was set again counts as changed, even with an equal value.
    """
    if live_version is None:
        return ()
    ordered = sorted(versions, key=lambda it: it.version)
    live: set[str] = set()
    touched: set[str] = set()
    for version in ordered:
        if version.version <= live_version:
            live = (live | set(version.set_keys)) - set(version.unset_keys)
        else:
            touched |= {*version.set_keys, *version.unset_keys}
    kinds = {(True, True): "changed", (False, True): "added", (True, False): "removed"}
    return tuple(
        Change(name=name, kind=kinds[name in live, name in values])
        for name in sorted(touched)
        if name in live or name in values
    )
