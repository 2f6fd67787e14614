"""Slots: where one release's instances run."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum

from pvdify.model.endpoint import NO_ROUTE, Endpoint, NoRoute


class SlotState(Enum):
    """CANDIDATE until the switch, LIVE after it, then DRAINING, STANDBY and at last RETIRED (nothing is left).

    One that made room for its successor is STOPPED in between: its instances are down and keep their places, until they
    are LIVE again because the successor failed, or RETIRED because it did not.
    """

    CANDIDATE = "candidate"
    LIVE = "live"
    DRAINING = "draining"
    STANDBY = "standby"
    STOPPED = "stopped"
    RETIRED = "retired"

    @property
    def is_idle(self) -> bool:
        """Serves no new requests, but its instances still run and could serve again."""
        return self in (SlotState.DRAINING, SlotState.STANDBY)

    @property
    def has_served(self) -> bool:
        """Serves no new requests, and is on its way out unless it is called back."""
        return self.is_idle or self is SlotState.STOPPED


class Phase(Enum):
    """Where an instance is on its way: JOINING until it has proved itself, LEAVING once nothing goes to it any more."""

    JOINING = "joining"
    UP = "up"
    LEAVING = "leaving"


@dataclass(frozen=True, kw_only=True)
class Placement:
    """One instance's place: its name, and the endpoint at which the router reaches it."""

    name: str
    process: str
    number: int
    endpoint: Endpoint | NoRoute = NO_ROUTE
    phase: Phase = Phase.UP

    @property
    def serial(self) -> int:
        """The end of its name, which differs from that of another instance with its number during a restart."""
        return int(self.name.rpartition("-")[2])

    @property
    def has_route(self) -> bool:
        """Whether visitors' requests can go to it."""
        return self.endpoint is not NO_ROUTE

    @property
    def is_up(self) -> bool:
        """Whether it counts: it should run, and takes its part."""
        return self.phase is Phase.UP


@dataclass(frozen=True, kw_only=True)
class Slot:
    """The instances of one release. ``number`` is the release that started them; ``colour`` is only a label."""

    app: str
    number: int
    colour: str
    state: SlotState
    since: datetime
    placements: tuple[Placement, ...] = ()

    @property
    def targets(self) -> tuple[Endpoint, ...]:
        """The endpoints that visitors' requests can go to; none of a slot that is stopped."""
        return tuple(place.endpoint for place in self._serving if place.endpoint is not NO_ROUTE)

    @property
    def serials(self) -> tuple[int, ...]:
        """The serials of the instances behind ``targets``."""
        return tuple(place.serial for place in self._serving)

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """Every endpoint that an instance of the slot has, whatever it is about to do."""
        return tuple(place.endpoint for place in self.placements if place.endpoint is not NO_ROUTE)

    @property
    def _serving(self) -> tuple[Placement, ...]:
        if self.state is SlotState.STOPPED:
            return ()
        return tuple(place for place in self.placements if place.has_route and place.is_up)

    def of(self, process: str, *phases: Phase) -> tuple[Placement, ...]:
        """The places of one process, in these phases if any are named, by number."""
        found = (it for it in self.placements if it.process == process and (not phases or it.phase in phases))
        return tuple(sorted(found, key=lambda place: place.number))

    def in_phase(self, phase: Phase) -> tuple[Placement, ...]:
        """The places in one phase."""
        return tuple(place for place in self.placements if place.phase is phase)

    def without(self, *phases: Phase) -> "Slot":
        """The slot without its places in these phases."""
        return replace(self, placements=tuple(place for place in self.placements if place.phase not in phases))

    def settled(self, leaving: tuple[Placement, ...] = ()) -> "Slot":
        """Return the slot once the joining instances are up, with these leaving."""
        moved = {Phase.JOINING: Phase.UP}
        return replace(
            self,
            placements=tuple(
                replace(it, phase=Phase.LEAVING if it in leaving else moved.get(it.phase, it.phase))
                for it in self.placements
            ),
        )


def other_colour(colour: str | None) -> str:
    """Blue first, then in turn."""
    return "green" if colour == "blue" else "blue"
