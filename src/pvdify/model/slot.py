"""Slots: where one release's instances run."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum


class SlotState(Enum):
    """CANDIDATE until the switch, LIVE after it, then DRAINING, STANDBY and at last RETIRED (nothing is left)."""

    CANDIDATE = "candidate"
    LIVE = "live"
    DRAINING = "draining"
    STANDBY = "standby"
    RETIRED = "retired"

    @property
    def is_idle(self) -> bool:
        """Serves no new requests, but its instances still run and could serve again."""
        return self in (SlotState.DRAINING, SlotState.STANDBY)


@dataclass(frozen=True, kw_only=True)
class Placement:
    """One instance's place: its name, and its loopback port if it has a route."""

    name: str
    process: str
    number: int
    host_port: int | None = None


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
    def targets(self) -> tuple[int, ...]:
        """The loopback ports that visitors' requests can go to."""
        return tuple(place.host_port for place in self.placements if place.host_port is not None)


def other_colour(colour: str | None) -> str:
    """Blue first, then in turn."""
    return "green" if colour == "blue" else "blue"
