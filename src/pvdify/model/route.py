"""Routes: which hostnames lead to which slot, and what passed through."""

from collections.abc import Container, Mapping
from dataclasses import dataclass, replace


@dataclass(frozen=True, kw_only=True)
class Route:
    """Where an app's visitors go: all its hostnames lead to one slot, spread over the slot's targets.

    ``targets`` are loopback ports, ``numbers`` those of the instances behind them in the same order (default: from 1).
    No slot: the app is known but nothing serves (visitors get 503). ``is_in_maintenance``: the same, on purpose, which
    they are told. ``gate``: only visitors who send the ``Authorization`` header with this SHA-256 (hex) are let
    through; None: everybody.
    """

    app: str
    hostnames: tuple[str, ...]
    slot: int | None
    targets: tuple[int, ...] = ()
    numbers: tuple[int, ...] = ()
    is_in_maintenance: bool = False
    gate: str | None = None

    def __post_init__(self) -> None:
        if len(self.numbers) != len(self.targets):
            if self.numbers:
                raise ValueError(f"{len(self.targets)} targets have {len(self.numbers)} numbers")
            object.__setattr__(self, "numbers", tuple(range(1, len(self.targets) + 1)))

    def without(self, ports: Container[int | None]) -> "Route":
        """The route without these targets."""
        kept = [(port, number) for port, number in zip(self.targets, self.numbers, strict=True) if port not in ports]
        targets, numbers = tuple(port for port, _ in kept), tuple(number for _, number in kept)
        return replace(self, targets=targets, numbers=numbers)


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """What the router counted for one slot since the slot's first request.

    ``in_flight`` is exact: requests (WebSockets too) that have not ended. ``router_errors`` are 5xx the router had to
    make up because a target did not answer; ``app_errors`` are 5xx from the app itself.
    """

    requests: int = 0
    in_flight: int = 0
    router_errors: int = 0
    app_errors: int = 0

    @property
    def baseline(self) -> tuple[int, int, int]:
        """What is compared with a later count: requests, router errors and app errors."""
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
    """What the router counted for one target: the instance of this slot with this number.

    ``by_class``: answers 1xx, 2xx, 3xx, 4xx and 5xx; ``waits``: how many answers began within so many seconds (each
    bound of ``WAIT_BOUNDS``, and above), ``seconds``: all these waits together. A router that cannot count so much
    leaves them at zero.
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


WAIT_BOUNDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
Routes = Mapping[str, Route]
