"""Routes as entries of four maps, and the ordered changes that lead from one state to the next.

::

    hosts.map     www.example.com  shop        hostname -> app
    live.map      shop             shop/v42    app -> slot ("-": nothing serves)
                  blog             maintenance
    targets.map   shop/v42         2           slot -> how many targets
                  shop/v42/0       1           position -> number of the instance there
                  shop/v42/1       3
                  shop/v42:1       3001        target -> loopback port
                  shop/v42:3       3004
    gates.map     shop-pr-12       5e88…      app -> SHA-256 of the Authorization header that its visitors need

Which slot is live is one value, so a switch is one change, for all hostnames and all instances at once. A target
keeps its name while the targets beside it come and go, so what is counted for it stays its own. Pure.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pvdify.model.names import slot_key
from pvdify.model.route import Route, Routes

HOSTS, LIVE, TARGETS, GATES = "hosts.map", "live.map", "targets.map", "gates.map"
MAPS = (TARGETS, GATES, LIVE, HOSTS)  # in the order in which a route comes into being
_NOTHING = "-"
IN_MAINTENANCE = "maintenance"  # no slot is called so: they have a slash
_WORD = re.compile(r"[A-Za-z0-9._/:-]+")  # anything else could end a line of a file or a command

Entries = Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Change:
    """One entry of one map gets a value, or goes (None)."""

    map: str
    key: str
    value: str | None

    def __post_init__(self) -> None:
        for word in (self.key, self.value or _NOTHING):
            if not _WORD.fullmatch(word):
                raise ValueError(f"{word!r} cannot stand in {self.map}")


@dataclass(frozen=True, kw_only=True)
class Tables:
    """The contents of all maps."""

    entries: Mapping[str, Entries] = field(default_factory=lambda: {name: {} for name in MAPS})

    def __getitem__(self, name: str) -> Entries:
        return self.entries[name]


def render(entries: Entries) -> str:
    """The text of one map file, sorted by key."""
    return "".join(f"{key} {value}\n" for key, value in sorted(entries.items()))


def parse(text: str) -> dict[str, str]:
    """The entries of one map file; lines without a value are ignored."""
    return {words[0]: words[1] for line in text.splitlines() if len(words := line.split()) == 2}


def routes(tables: Tables) -> Routes:
    """app -> route; hostnames in alphabetical order."""
    hostnames: dict[str, list[str]] = {app: [] for app in tables[LIVE]}
    for hostname, app in sorted(tables[HOSTS].items()):
        hostnames.setdefault(app, []).append(hostname)
    return {app: _route(app, tuple(names), tables) for app, names in sorted(hostnames.items())}


def put(tables: Tables, route: Route) -> tuple[Change, ...]:
    """What makes this the app's route. Every beginning of the list is a state that serves."""
    gate = Change(map=GATES, key=route.app, value=route.gate)
    # A gate is there before anything is behind it, and goes after.
    first, last = ((gate,), ()) if route.gate is not None else ((), (gate,) if route.app in tables[GATES] else ())
    live = Change(map=LIVE, key=route.app, value=_live(route))
    return (*_put_targets(route), *first, live, *_put_hostnames(tables, route), *last)


def take_out(tables: Tables, app: str, slot: int, number: int) -> tuple[Change, ...]:
    """What leaves an instance without new requests; nothing where the slot has no other one, or not this one."""
    key = slot_key(app, slot)
    numbers = [tables[TARGETS].get(f"{key}/{i}", "") for i in range(int(tables[TARGETS].get(key, "0")))]
    others = [each for each in numbers if each != str(number)]
    if not others or others == numbers:
        return ()
    return _put_positions(key, others)


def forget(tables: Tables, app: str, slot: int) -> tuple[Change, ...]:
    """What removes a slot's targets. Raises ValueError: it is live, and visitors would lose it."""
    key = slot_key(app, slot)
    if tables[LIVE].get(app) == key:
        raise ValueError(f"{key} is live")
    positions = sorted(name for name in tables[TARGETS] if name.startswith(f"{key}/"))
    return tuple(Change(map=TARGETS, key=name, value=None) for name in (key, *positions, *targets_of(tables, key)))


def remove(tables: Tables, app: str) -> tuple[Change, ...]:
    """What removes an app: first its hostnames, so that nothing asks for the rest any more."""
    owned = {
        HOSTS: [hostname for hostname, owner in tables[HOSTS].items() if owner == app],
        LIVE: [app] if app in tables[LIVE] else [],
        GATES: [app] if app in tables[GATES] else [],
        TARGETS: [key for key in tables[TARGETS] if key.startswith(f"{app}/")],
    }
    return tuple(Change(map=name, key=key, value=None) for name in reversed(MAPS) for key in sorted(owned[name]))


def repair(found: Tables, wanted: Tables) -> tuple[Change, ...]:
    """What leads from one state to another without a moment in which a wanted route does not serve."""
    puts = [
        Change(map=name, key=key, value=value)
        for name in MAPS
        for key, value in sorted(wanted[name].items(), key=_counts_last)
        if found[name].get(key) != value
    ]
    drops = [
        Change(map=name, key=key, value=None)
        for name in reversed(MAPS)
        for key in sorted(found[name].keys() - wanted[name])
    ]
    return (*puts, *drops)


def apply(tables: Tables, changes: Iterable[Change]) -> Tables:
    """The state after these changes."""
    entries = {name: dict(tables[name]) for name in MAPS}
    for change in changes:
        if change.value is None:
            entries[change.map].pop(change.key, None)
        else:
            entries[change.map][change.key] = change.value
    return Tables(entries=entries)


def targets_of(tables: Tables, key: str) -> tuple[str, ...]:
    """Every target that the slot has or had."""
    return tuple(sorted(name for name in tables[TARGETS] if name.startswith(f"{key}:")))


def target_name(key: str, number: int) -> str:
    """How the target of one instance of a slot is called, here and in the counts."""
    return f"{key}:{number}"


def _put_targets(route: Route) -> tuple[Change, ...]:
    # What is no longer needed stays until `forget`: a request may have read the old number a moment ago.
    if route.slot is None:
        return ()
    key = slot_key(route.app, route.slot)
    targets = [
        Change(map=TARGETS, key=target_name(key, number), value=str(port))
        for number, port in zip(route.numbers, route.targets, strict=True)
    ]
    return (*targets, *_put_positions(key, route.numbers))


def _put_positions(key: str, numbers: Sequence[object]) -> tuple[Change, ...]:
    positions = [Change(map=TARGETS, key=f"{key}/{i}", value=str(number)) for i, number in enumerate(numbers)]
    return (*positions, Change(map=TARGETS, key=key, value=str(len(numbers))))


def _put_hostnames(tables: Tables, route: Route) -> tuple[Change, ...]:
    dropped = {name for name, app in tables[HOSTS].items() if app == route.app} - set(route.hostnames)
    return (
        *(Change(map=HOSTS, key=name, value=route.app) for name in sorted(set(route.hostnames))),
        *(Change(map=HOSTS, key=name, value=None) for name in sorted(dropped)),
    )


def _live(route: Route) -> str:
    if route.is_in_maintenance:
        return IN_MAINTENANCE
    return _NOTHING if route.slot is None else slot_key(route.app, route.slot)


def _route(app: str, hostnames: tuple[str, ...], tables: Tables) -> Route:
    key, gate = tables[LIVE].get(app, _NOTHING), tables[GATES].get(app)
    if key in (_NOTHING, IN_MAINTENANCE):
        is_closed = key == IN_MAINTENANCE
        return Route(app=app, hostnames=hostnames, slot=None, is_in_maintenance=is_closed, gate=gate)
    count = int(tables[TARGETS].get(key, "0"))
    positions = [tables[TARGETS].get(f"{key}/{i}", "") for i in range(count)]
    found = {int(it): int(tables[TARGETS][f"{key}:{it}"]) for it in positions if f"{key}:{it}" in tables[TARGETS]}
    slot = int(key.rpartition("/v")[2])
    return Route(
        app=app, hostnames=hostnames, slot=slot, targets=tuple(found.values()), numbers=tuple(found), gate=gate
    )


def _counts_last(entry: tuple[str, str]) -> tuple[int, str]:
    key = entry[0]  # targets, then positions (two slashes), then counts (one)
    return 0 if ":" in key else key.count("/") % 2 + 1, key
