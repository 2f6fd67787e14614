"""Routes as entries of maps, and the ordered changes from one state to the next. No I/O.

::

    hosts.map     www.example.com  shop        hostname -> app
    live.map      shop             shop/v42    app -> slot ("-": no live slot)
                  blog             maintenance
    targets.map   shop/v42         2           slot -> number of targets
                  shop/v42/0       1           position -> number of the instance
                  shop/v42/1       3
                  shop/v42:1       3001        target -> port
                  shop/v42:3       3004
    addresses.map shop/v42:3       10.0.0.7    target -> IP address, if it is not 127.0.0.1
    held.map      shop             1767225600000  app -> end of its hold (ms since 1970), during a hold
    gates.map     shop-pr-12       5e88…      app -> SHA-256 of the Authorization header that its visitors need
    affinity.map                            see ``affinity``
    timeouts.map  shop             900000      app -> milliseconds that an answer may be silent

An app's live slot is one value, so a switch is one change, for all hostnames and all instances at once. A target's name
contains the instance's number, not its position, so its counts stay correct when other targets are added or removed.
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
# In the order in which the entries of a route are written:
MAPS = (HELD, ADDRESSES, TARGETS, AFFINITY, GATES, TIMEOUTS, LIVE, HOSTS)
LOOPBACK = "127.0.0.1"  # address of targets without an entry in ADDRESSES, also of those from older versions
_NO_SLOT = "-"
IN_MAINTENANCE = "maintenance"  # differs from all slots, whose keys contain a slash
_WORD = re.compile(r"[A-Za-z0-9._/:=-]+")  # other characters could end a line of a file, or a command

Entries = Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Change:
    """A change of one entry of a map. ``value``: the new value; None deletes the entry."""

    map: str
    key: str
    value: str | None

    def __post_init__(self) -> None:
        for word in (self.key, self.value or _NO_SLOT):
            if not _WORD.fullmatch(word):
                raise ValueError(f"{word!r} contains characters that {self.map} cannot contain")


@dataclass(frozen=True, kw_only=True)
class Tables:
    """The contents of all maps."""

    entries: Mapping[str, Entries] = field(default_factory=lambda: {name: {} for name in MAPS})

    def __getitem__(self, name: str) -> Entries:
        return self.entries[name]


def render(entries: Entries) -> str:
    """Return the text of a map file, sorted by key."""
    return "".join(f"{key} {value}\n" for key, value in sorted(entries.items()))


def parse(text: str) -> dict[str, str]:
    """Return the entries of a map file. Lines that do not have exactly a key and a value are ignored."""
    return {words[0]: words[1] for line in text.splitlines() if len(words := line.split()) == 2}


def routes(tables: Tables) -> Routes:
    """Return app -> route, with hostnames in alphabetical order."""
    hostnames: dict[str, list[str]] = {app: [] for app in tables[LIVE]}
    for hostname, app in sorted(tables[HOSTS].items()):
        hostnames.setdefault(app, []).append(hostname)
    return {app: _route(app, tuple(names), tables) for app, names in sorted(hostnames.items())}


def put(tables: Tables, route: Route, secret: str = "") -> tuple[Change, ...]:
    """Return the changes that make this the app's route. Visitors are served after each of the changes.

    ``secret``: key of the marks of an app with affinity.
    """
    gate = Change(map=GATES, key=route.app, value=route.gate)
    # A gate is written before the hostnames, and deleted after them, so that no request passes without a password.
    first, last = ((gate,), ()) if route.gate is not None else ((), (gate,) if route.app in tables[GATES] else ())
    live = Change(map=LIVE, key=route.app, value=_live(route))
    marks, timeout = _put_affinity(tables, route, secret), _put_timeout(tables, route)
    # A hold begins before the route changes, and ends after the new targets are in force.
    hold = Change(map=HELD, key=route.app, value=None if route.held_until is None else str(route.held_until))
    begin, end = ((hold,), ()) if hold.value is not None else ((), (hold,) if route.app in tables[HELD] else ())
    settings = (*_put_targets(tables, route), *marks, *first, *timeout)
    return (*begin, *settings, live, *_put_hostnames(tables, route), *last, *end)


def take_out(tables: Tables, app: str, slot: int, number: int) -> tuple[Change, ...]:
    """Return the changes after which an instance gets no new requests.

    There are none if the slot has no other instance, or if this instance is not a target.
    """
    key = slot_key(app, slot)
    numbers = [tables[TARGETS].get(f"{key}/{i}", "") for i in range(int(tables[TARGETS].get(key, "0")))]
    others = [each for each in numbers if each != str(number)]
    if not others or others == numbers:
        return ()
    marks = affinity.without(tables[AFFINITY], key, number)
    return (*_put_positions(key, others), *(Change(map=AFFINITY, key=it, value=value) for it, value in marks.items()))


def forget(tables: Tables, app: str, slot: int) -> tuple[Change, ...]:
    """Return the changes that remove a slot's targets. Raises ValueError if the slot is live."""
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
    """Return the changes that remove an app. Its hostnames go first, so that no request needs the other entries."""
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
    """Return the changes from one state to another, in an order that keeps wanted routes usable at every moment."""
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
    """Return the state after these changes."""
    entries = {name: dict(tables[name]) for name in MAPS}
    for change in changes:
        if change.value is None:
            entries[change.map].pop(change.key, None)
        else:
            entries[change.map][change.key] = change.value
    return Tables(entries=entries)


def targets_of(tables: Tables, key: str) -> tuple[str, ...]:
    """Return the names of all targets that the slot has or had until ``forget``."""
    return tuple(sorted(name for name in tables[TARGETS] if name.startswith(f"{key}:")))


def target_name(key: str, number: int) -> str:
    """Return the name of an instance's target, in the maps and in the counts."""
    return f"{key}:{number}"


def _put_targets(tables: Tables, route: Route) -> tuple[Change, ...]:
    # Old targets stay until `forget`: a request in progress may have read an old position already.
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
    """Return the target's IP address. Raises RouterUnavailable if it has a name or a Unix socket instead."""
    try:
        return str(ipaddress.ip_address(target.host))
    except ValueError as error:
        raise RouterUnavailable(
            f"the router cannot send requests to {target}",
            why="HAProxy's maps can contain IP addresses, but no names or Unix sockets",
            next="use a runtime that gives instances IP addresses",
        ) from error


def _put_affinity(tables: Tables, route: Route, secret: str) -> tuple[Change, ...]:
    """Return the changes of marks: new ones first. Marks of earlier slots stay until ``forget`` removes the slot."""
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
    return _NO_SLOT if route.slot is None else slot_key(route.app, route.slot)


def _route(app: str, hostnames: tuple[str, ...], tables: Tables) -> Route:
    key, gate, sticks = tables[LIVE].get(app, _NO_SLOT), tables[GATES].get(app), app in tables[AFFINITY]
    timeout = int(tables[TIMEOUTS][app]) / 1000 if app in tables[TIMEOUTS] else None
    held_until = int(tables[HELD][app]) if app in tables[HELD] else None
    closed = Route(
        app=app, hostnames=hostnames, slot=None, gate=gate, has_affinity=sticks, timeout=timeout, held_until=held_until
    )
    if key in (_NO_SLOT, IN_MAINTENANCE):
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
    key = entry[0]  # targets come first, then positions (two slashes), then counts (one slash)
    return 0 if ":" in key else key.count("/") % 2 + 1, key
