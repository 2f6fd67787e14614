"""Routes as entries of maps, and the ordered changes that lead from one state to the next.

::

    hosts.map     www.example.com  shop        hostname -> app
    live.map      shop             shop/v42    app -> slot ("-": nothing serves)
                  blog             maintenance
    targets.map   shop/v42         2           slot -> how many targets
                  shop/v42/0       1           position -> number of the instance there
                  shop/v42/1       3
                  shop/v42:1       3001        target -> port
                  shop/v42:3       3004
    addresses.map shop/v42:3       10.0.0.7    target -> IP address, where it is not 127.0.0.1
    held.map      shop             1767225600000  app -> when its requests no longer wait (ms since 1970), while they do
    gates.map     shop-pr-12       5e88…      app -> SHA-256 of the Authorization header that its visitors need
    affinity.map                            see ``affinity``
    timeouts.map  shop             900000      app -> milliseconds that an answer may be silent

Which slot is live is one value, so a switch is one change, for all hostnames and all instances at once. A target
keeps its name while the targets beside it come and go, so what is counted for it stays its own. Pure.
"""

import ipaddress
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from pvdify.adapters.haproxy import affinity
from pvdify.adapters.haproxy.affinity import AFFINITY
from pvdify.errors import RouterUnavailable
from pvdify.model.endpoint import Endpoint
from pvdify.model.names import slot_key
from pvdify.model.route import Route, Routes

HOSTS, LIVE, TARGETS, GATES, HELD = "hosts.map", "live.map", "targets.map", "gates.map", "held.map"
TIMEOUTS, ADDRESSES = "timeouts.map", "addresses.map"
# In the order in which a route comes into being:
MAPS = (HELD, ADDRESSES, TARGETS, AFFINITY, GATES, TIMEOUTS, LIVE, HOSTS)
LOOPBACK = "127.0.0.1"  # of every target without an entry in ADDRESSES, so also of those from before there was one
_NOTHING = "-"
IN_MAINTENANCE = "maintenance"  # no slot is called so: they have a slash
_WORD = re.compile(r"[A-Za-z0-9._/:=-]+")  # anything else could end a line of a file or a command

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


def put(tables: Tables, route: Route, secret: str = "") -> tuple[Change, ...]:
    """What makes this the app's route. Every beginning of the list is a state that serves.

    ``secret`` makes the marks of an app with affinity.
    """
    gate = Change(map=GATES, key=route.app, value=route.gate)
    # A gate is there before anything is behind it, and goes after.
    first, last = ((gate,), ()) if route.gate is not None else ((), (gate,) if route.app in tables[GATES] else ())
    live = Change(map=LIVE, key=route.app, value=_live(route))
    marks, timeout = _put_affinity(tables, route, secret), _put_timeout(tables, route)
    # A hold begins before what it waits for goes, and ends once there is something to go on to.
    hold = Change(map=HELD, key=route.app, value=None if route.held_until is None else str(route.held_until))
    begin, end = ((hold,), ()) if hold.value is not None else ((), (hold,) if route.app in tables[HELD] else ())
    settings = (*_put_targets(tables, route), *marks, *first, *timeout)
    return (*begin, *settings, live, *_put_hostnames(tables, route), *last, *end)


def take_out(tables: Tables, app: str, slot: int, number: int) -> tuple[Change, ...]:
    """What leaves an instance without new requests; nothing where the slot has no other one, or not this one."""
    key = slot_key(app, slot)
    numbers = [tables[TARGETS].get(f"{key}/{i}", "") for i in range(int(tables[TARGETS].get(key, "0")))]
    others = [each for each in numbers if each != str(number)]
    if not others or others == numbers:
        return ()
    marks = affinity.without(tables[AFFINITY], key, number)
    return (*_put_positions(key, others), *(Change(map=AFFINITY, key=it, value=value) for it, value in marks.items()))


def forget(tables: Tables, app: str, slot: int) -> tuple[Change, ...]:
    """What removes a slot's targets. Raises ValueError: it is live, and visitors would lose it."""
    key = slot_key(app, slot)
    if tables[LIVE].get(app) == key:
        raise ValueError(f"{key} is live")
    positions = sorted(name for name in tables[TARGETS] if name.startswith(f"{key}/"))
    marks = tuple(Change(map=AFFINITY, key=name, value=None) for name in affinity.of_slot(tables[AFFINITY], key))
    targets = targets_of(tables, key)
    addresses = (Change(map=ADDRESSES, key=name, value=None) for name in targets if name in tables[ADDRESSES])
    known = (key, *positions, *targets)
    return (*marks, *(Change(map=TARGETS, key=name, value=None) for name in known), *addresses)


def remove(tables: Tables, app: str) -> tuple[Change, ...]:
    """What removes an app: first its hostnames, so that nothing asks for the rest any more."""
    owned = {
        HOSTS: [hostname for hostname, owner in tables[HOSTS].items() if owner == app],
        LIVE: [app] if app in tables[LIVE] else [],
        GATES: [app] if app in tables[GATES] else [],
        AFFINITY: affinity.of_app(tables[AFFINITY], app),
        TIMEOUTS: [app] if app in tables[TIMEOUTS] else [],
        HELD: [app] if app in tables[HELD] else [],
        TARGETS: [key for key in tables[TARGETS] if key.startswith(f"{app}/")],
        ADDRESSES: [key for key in tables[ADDRESSES] if key.startswith(f"{app}/")],
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


def _put_targets(tables: Tables, route: Route) -> tuple[Change, ...]:
    # What is no longer needed stays until `forget`: a request may have read the old number a moment ago.
    if route.slot is None:
        return ()
    key = slot_key(route.app, route.slot)
    named = [(target_name(key, number), it) for number, it in zip(route.numbers, route.targets, strict=True)]
    addresses = [
        Change(map=ADDRESSES, key=name, value=None if _address(it) == LOOPBACK else _address(it))
        for name, it in named
        if _address(it) != tables[ADDRESSES].get(name, LOOPBACK)
    ]
    targets = [Change(map=TARGETS, key=name, value=str(it.port)) for name, it in named]
    return (*addresses, *targets, *_put_positions(key, route.numbers))


def _address(target: Endpoint) -> str:
    """The target's IP address. Raises RouterUnavailable: a target that a map names can have nothing else."""
    try:
        return str(ipaddress.ip_address(target.host))
    except ValueError as error:
        raise RouterUnavailable(
            f"the router cannot send requests to {target}",
            why="HAProxy's maps hold IP addresses, and no names or Unix sockets",
            next="run instances by a runtime that gives them IP addresses",
        ) from error


def _put_affinity(tables: Tables, route: Route, secret: str) -> tuple[Change, ...]:
    """New marks first; those of earlier slots stay until these are forgotten."""
    slot = slot_key(route.app, route.slot) if route.slot is not None else None
    wanted = affinity.wanted(route.app, slot, route.numbers, secret) if route.has_affinity else {}
    known = [*affinity.of_slot(tables[AFFINITY], slot or "-"), *({route.app} & set(tables[AFFINITY]))]
    return (
        *(Change(map=AFFINITY, key=key, value=value) for key, value in wanted.items()),
        *(Change(map=AFFINITY, key=key, value=None) for key in known if key not in wanted),
    )


def _put_positions(key: str, numbers: Sequence[object]) -> tuple[Change, ...]:
    positions = [Change(map=TARGETS, key=f"{key}/{i}", value=str(number)) for i, number in enumerate(numbers)]
    return (*positions, Change(map=TARGETS, key=key, value=str(len(numbers))))


def _put_timeout(tables: Tables, route: Route) -> tuple[Change, ...]:
    if route.timeout is None and route.app not in tables[TIMEOUTS]:
        return ()
    value = None if route.timeout is None else str(max(1, round(route.timeout * 1000)))
    return (Change(map=TIMEOUTS, key=route.app, value=value),)


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
    key, gate, sticks = tables[LIVE].get(app, _NOTHING), tables[GATES].get(app), app in tables[AFFINITY]
    timeout = int(tables[TIMEOUTS][app]) / 1000 if app in tables[TIMEOUTS] else None
    held_until = int(tables[HELD][app]) if app in tables[HELD] else None
    closed = Route(
        app=app, hostnames=hostnames, slot=None, gate=gate, has_affinity=sticks, timeout=timeout, held_until=held_until
    )
    if key in (_NOTHING, IN_MAINTENANCE):
        return replace(closed, is_in_maintenance=key == IN_MAINTENANCE)
    count = int(tables[TARGETS].get(key, "0"))
    positions = [tables[TARGETS].get(f"{key}/{i}", "") for i in range(count)]
    names = {int(it): target_name(key, int(it)) for it in positions if f"{key}:{it}" in tables[TARGETS]}
    found = {
        number: Endpoint(tables[ADDRESSES].get(name, LOOPBACK), int(tables[TARGETS][name]))
        for number, name in names.items()
    }
    slot = int(key.rpartition("/v")[2])
    return replace(closed, slot=slot, targets=tuple(found.values()), numbers=tuple(found))


def _counts_last(entry: tuple[str, str]) -> tuple[int, str]:
    key = entry[0]  # targets, then positions (two slashes), then counts (one)
    return 0 if ":" in key else key.count("/") % 2 + 1, key
