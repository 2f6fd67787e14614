"""Former names: what apps were called before they were renamed."""

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
    """The former names of all apps, in memory: asked for each line of a log.

    Containers, networks and logs from before a renaming carry the former name. So it stays the app's own, and no other
    app can be given it, until the app is destroyed.
    """

    def __init__(self) -> None:
        self._known: dict[str, FormerName] = {}

    def load(self, names: Iterable[FormerName]) -> None:
        """Know these, and no others."""
        self._known = {each.name: each for each in names}

    def current(self, name: str) -> str:
        """What the app of this name is called now; a name that is no former one is current."""
        found = self._known.get(name)
        return found.app if found else name

    def get(self, name: str) -> FormerName | None:
        """The renaming that ended this name, if one did."""
        return self._known.get(name)

    def of(self, app: str) -> tuple[str, ...]:
        """Every name that the app has and had: the current one first."""
        return (app, *sorted(each.name for each in self._known.values() if each.app == app))

    def all(self) -> tuple[FormerName, ...]:
        """All of them, by name."""
        return tuple(sorted(self._known.values(), key=lambda each: each.name))

    def is_settling(self, name: str, now: datetime) -> bool:
        """Whether the name ended so recently that requests to its route can still be on their way."""
        found = self._known.get(name)
        return found is not None and now - found.since < SETTLING

    def forget(self, app: str) -> None:
        """The app is gone, and its former names are free."""
        self._known = {name: each for name, each in self._known.items() if each.app != app}
