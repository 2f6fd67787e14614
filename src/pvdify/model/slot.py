"""Slots: the instances of one release, and their places."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum

from pvdify.model.endpoint import NO_ROUTE, Endpoint, NoRoute


class SlotState(Enum):
    """CANDIDATE until the switch, then LIVE, then DRAINING, STANDBY and RETIRED (everything is removed).

    A slot that stopped to free resources for its successor is STOPPED in between: its instances are down and keep their
    places until the slot is LIVE again because the successor failed, or RETIRED because the successor succeeded.
    """

    CANDIDATE = "candidate"
    LIVE = "live"
    DRAINING = "draining"
    STANDBY = "standby"
    STOPPED = "stopped"
    RETIRED = "retired"

    @property
    def is_idle(self) -> bool:
        """Whether it gets no new requests while its instances still run and could serve again."""
        return self in (SlotState.DRAINING, SlotState.STANDBY)

    @property
    def is_kept_up(self) -> bool:
        """Whether its instances are started again when they exit."""
        return self is SlotState.LIVE or self.is_idle

    @property
    def has_served(self) -> bool:
        """Whether it was live and gets no new requests."""
        return self.is_idle or self is SlotState.STOPPED


class Phase(Enum):
    """The phase of an instance: JOINING until it has passed its probe, LEAVING once it gets no more requests."""

    JOINING = "joining"
    UP = "up"
    LEAVING = "leaving"


@dataclass(frozen=True, kw_only=True)
class Placement:
    """The place of one instance: its name, and its endpoint."""

    name: str
    process: str
    number: int
    endpoint: Endpoint | NoRoute = NO_ROUTE
    phase: Phase = Phase.UP

    @property
    def serial(self) -> int:
        """The number at the end of the name. During a restart, two instances with one number have different serials."""
        return int(self.name.rpartition("-")[2])

    @property
    def has_route(self) -> bool:
        """Whether visitors' requests can go to the instance."""
        return self.endpoint is not NO_ROUTE

    @property
    def is_up(self) -> bool:
        """Whether the instance should run and take requests."""
        return self.phase is Phase.UP


@dataclass(frozen=True, kw_only=True)
class Slot:
    """The instances of one release. ``number`` is the release that started them; ``colour`` is only a label.

    ``runtime``: the container runtime of all its instances, also of those that a restart or a scaling adds. "" in
    records of earlier versions, until pvdifyd has started.
    """

    app: str
    number: int
    colour: str
    state: SlotState
    since: datetime
    placements: tuple[Placement, ...] = ()
    runtime: str = ""

    @property
    def targets(self) -> tuple[Endpoint, ...]:
        """The endpoints that visitors' requests can go to; none if the slot is stopped."""
        return tuple(place.endpoint for place in self._serving if place.endpoint is not NO_ROUTE)

    @property
    def serials(self) -> tuple[int, ...]:
        """The serials of the instances behind ``targets``."""
        return tuple(place.serial for place in self._serving)

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """The endpoints of all instances, in any phase."""
        return tuple(place.endpoint for place in self.placements if place.endpoint is not NO_ROUTE)

    @property
    def _serving(self) -> tuple[Placement, ...]:
        if self.state is SlotState.STOPPED:
            return ()
        return tuple(place for place in self.placements if place.has_route and place.is_up)

    def of(self, process: str, *phases: Phase) -> tuple[Placement, ...]:
        """Return the places of one process, in these phases or in all, sorted by number."""
        found = (it for it in self.placements if it.process == process and (not phases or it.phase in phases))
        return tuple(sorted(found, key=lambda place: place.number))

    def in_phase(self, phase: Phase) -> tuple[Placement, ...]:
        """Return the places in one phase."""
        return tuple(place for place in self.placements if place.phase is phase)

    def without(self, *phases: Phase) -> "Slot":
        """Return the slot without its places in these phases."""
        return replace(self, placements=tuple(place for place in self.placements if place.phase not in phases))

    def moved(self, places: tuple[Placement, ...], phase: Phase) -> "Slot":
        """Return the slot with these of its places in this phase."""
        names = {place.name for place in places}
        return replace(
            self, placements=tuple(replace(it, phase=phase) if it.name in names else it for it in self.placements)
        )

    def before_joining(self) -> "Slot":
        """Return the slot as before its instances joined: without them, and with those up that leave for them."""
        return self.without(Phase.JOINING).moved(self.in_phase(Phase.LEAVING), Phase.UP)

    def settled(self, leaving: tuple[Placement, ...] = ()) -> "Slot":
        """Return the slot with its joining instances up, and ``leaving`` in the phase LEAVING."""
        moved = {Phase.JOINING: Phase.UP}
        return replace(
            self,
            placements=tuple(
                replace(it, phase=Phase.LEAVING if it in leaving else moved.get(it.phase, it.phase))
                for it in self.placements
            ),
        )


def other_colour(colour: str | None) -> str:
    """Return the next colour: blue first, then alternating."""
    return "green" if colour == "blue" else "blue"
