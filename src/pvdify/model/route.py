"""Routes from hostnames to slots, and the counts of their traffic."""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import zip_longest

from pvdify.model.endpoint import Endpoint
from pvdify.model.names import number_of


@dataclass(frozen=True, kw_only=True)
class Route:
    """The route of an app's visitors: all its hostnames go to one slot, balanced over the slot's targets.

    ``targets`` are endpoints, ``numbers`` the serials of the instances at them, in order (default: from 1). Without a
    slot the app is known but has no live instances (visitors get 503). ``is_in_maintenance``: the same with a message
    about maintenance. ``gate``: only visitors who send the ``Authorization`` header with this SHA-256 (hex) are
    admitted; None: all visitors. ``has_affinity``: a cookie keeps each visitor at one instance. ``timeout``: seconds
    that an answer may be silent, in whole milliseconds; None: 300. ``held_until``: requests wait in the router until
    the hold is removed, at most until this time (milliseconds since 1970); then they go to the slot that the route has
    by then.
    """

    app: str
    hostnames: tuple[str, ...]
    slot: int | None
    targets: tuple[Endpoint, ...] = ()
    numbers: tuple[int, ...] = ()
    is_in_maintenance: bool = False
    gate: str | None = None
    has_affinity: bool = False
    timeout: float | None = None
    held_until: int | None = None

    def __post_init__(self) -> None:
        if len(self.numbers) != len(self.targets):
            if self.numbers:
                raise ValueError(f"{len(self.targets)} targets have {len(self.numbers)} numbers")
            object.__setattr__(self, "numbers", tuple(range(1, len(self.targets) + 1)))

    @property
    def places(self) -> frozenset[tuple[Endpoint, int]]:
        """The targets, each with its number."""
        return frozenset(zip(self.targets, self.numbers, strict=True))

    def held(self, until: datetime) -> "Route":
        """Return the route with requests held at least until ``until``. A longer hold stays as it is."""
        return replace(self, held_until=max(milliseconds(until), self.held_until or 0))

    def without(self, left_out: Container[Endpoint]) -> "Route":
        """Return the route without these targets."""
        kept = [(it, number) for it, number in zip(self.targets, self.numbers, strict=True) if it not in left_out]
        targets, numbers = tuple(it for it, _ in kept), tuple(number for _, number in kept)
        return replace(self, targets=targets, numbers=numbers)


def milliseconds(moment: datetime) -> int:
    """Return the moment as milliseconds since 1970."""
    return round(moment.timestamp() * 1000)


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """The router's counts for one slot since the slot's first request.

    ``in_flight`` is exact: requests, including WebSockets, that have not ended. ``router_errors``: 5xx that the router
    sent because a target did not answer; ``app_errors``: 5xx from the app itself.
    """

    requests: int = 0
    in_flight: int = 0
    router_errors: int = 0
    app_errors: int = 0

    @property
    def baseline(self) -> tuple[int, int, int]:
        """The values that a later count is compared with: requests, router errors and app errors."""
        return self.requests, self.router_errors, self.app_errors

    def __add__(self, other: "Traffic") -> "Traffic":
        return Traffic(
            requests=self.requests + other.requests,
            in_flight=self.in_flight + other.in_flight,
            router_errors=self.router_errors + other.router_errors,
            app_errors=self.app_errors + other.app_errors,
        )


@dataclass(frozen=True, kw_only=True)
class TargetCount:
    """The router's counts for one target: the instance of this slot with this serial.

    ``by_class``: answers 1xx, 2xx, 3xx, 4xx and 5xx. ``waits``: how many answers began within each bound of
    ``WAIT_BOUNDS``, and above. ``seconds``: the sum of these waits. A router without such counts leaves them at zero.
    """

    app: str
    slot: int
    number: int
    requests: int = 0
    in_flight: int = 0
    router_errors: int = 0
    app_errors: int = 0
    by_class: tuple[int, int, int, int, int] = (0, 0, 0, 0, 0)
    waits: tuple[int, ...] = ()
    seconds: float = 0.0

    def __add__(self, other: "TargetCount") -> "TargetCount":
        first, second, third, fourth, fifth = (
            one + another for one, another in zip(self.by_class, other.by_class, strict=True)
        )
        return replace(
            self,
            requests=self.requests + other.requests,
            in_flight=self.in_flight + other.in_flight,
            router_errors=self.router_errors + other.router_errors,
            app_errors=self.app_errors + other.app_errors,
            by_class=(first, second, third, fourth, fifth),
            waits=tuple(one + another for one, another in zip_longest(self.waits, other.waits, fillvalue=0)),
            seconds=self.seconds + other.seconds,
        )


def by_instance(counts: Iterable[TargetCount]) -> tuple[TargetCount, ...]:
    """Return one count for each instance number of a slot, added up over the instance's restarts."""
    found: dict[tuple[str, int, int], TargetCount] = {}
    for count in counts:
        key = (count.app, count.slot, number_of(count.number))
        found[key] = replace(found[key] + count if key in found else count, number=key[2])
    return tuple(found.values())


WAIT_BOUNDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
Routes = Mapping[str, Route]
