"""Former names: the names of apps before they were renamed."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

SETTLING = timedelta(seconds=1)  # requests that were routed before a change arrive within 74 ms, as measured


@dataclass(frozen=True, kw_only=True)
class FormerName:
    """A name that ``app`` had until ``since``."""

    name: str
    app: str
    since: datetime


class FormerNames:
    """The former names of all apps, in memory, because every log line needs a lookup.

    Containers, networks and logs from before a renaming have the former name. So the name stays reserved for the app
    until the app is destroyed.
    """

    def __init__(self) -> None:
        self._known: dict[str, FormerName] = {}

    def load(self, names: Iterable[FormerName]) -> None:
        """Replace all known names."""
        self._known = {each.name: each for each in names}

    def current(self, name: str) -> str:
        """Return the current name of the app with this name; the name itself if it is not a former one."""
        found = self._known.get(name)
        return found.app if found else name

    def get(self, name: str) -> FormerName | None:
        """Return the renaming that ended this name, or None."""
        return self._known.get(name)

    def of(self, app: str) -> tuple[str, ...]:
        """Return all names of the app, the current one first."""
        return (app, *sorted(each.name for each in self._known.values() if each.app == app))

    def all(self) -> tuple[FormerName, ...]:
        """Return all former names, sorted by name."""
        return tuple(sorted(self._known.values(), key=lambda each: each.name))

    def is_settling(self, name: str, now: datetime) -> bool:
        """Return whether the name ended so recently that requests to its route may still arrive."""
        found = self._known.get(name)
        return found is not None and now - found.since < SETTLING

    def forget(self, app: str) -> None:
        """Remove a destroyed app's former names, which makes them available again."""
        self._known = {name: each for name, each in self._known.items() if each.app != app}
