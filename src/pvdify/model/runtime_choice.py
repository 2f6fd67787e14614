"""The container runtime that an operator chose for the server, and the move of apps to it."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

CLUSTER = "kubernetes"  # the runtime whose volumes, images and networks are not on this machine


def are_apart(one: str, other: str) -> bool:
    """Whether two runtimes share no volumes, images and networks."""
    return (one == CLUSTER) != (other == CLUSTER)


class MoveState(Enum):
    """MOVING while apps are moved to the runtime; SETTLED once none is left to move; CANCELED by an operator."""

    MOVING = "moving"
    SETTLED = "settled"
    CANCELED = "canceled"


@dataclass(frozen=True, kw_only=True)
class RuntimeChoice:
    """The runtime of new slots, which takes precedence over the setting ``runtime``. The server has one or none.

    ``before``: the runtime that was in effect before the choice. After a cancellation, ``name`` is that runtime again,
    and ``before`` the runtime to which apps were moved.
    """

    id: str = "server"
    name: str
    before: str
    state: MoveState
    chosen_at: datetime
    chosen_by: str
