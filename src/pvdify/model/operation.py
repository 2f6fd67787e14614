"""Operations: requested work with an id, journaled step by step, and the table of its state transitions."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum

from pvdify.model.release import Failure
from pvdify.model.scale import ProcessChange


class OperationKind(Enum):
    """The kinds of operations; each has a plan."""

    DEPLOY = "deploy"
    ROLLBACK = "rollback"
    SCALE = "scale"
    RESTART = "restart"
    RETIRE = "retire"
    DESTROY = "destroy"

    @property
    def is_about_processes(self) -> bool:
        """Whether it changes the live release's processes, and not the release."""
        return self in (OperationKind.SCALE, OperationKind.RESTART)


class Strategy(Enum):
    """How a new release replaces the live one.

    BLUE_GREEN: beside it, without interruption for visitors. STOP_FIRST: after the live release has stopped, which
    needs memory for only one of them. HAND_OVER: the same, with the stop before the hooks; the engine chooses it if
    both releases use a volume that only one of them may use at a time. MOVE: the same with copies of the app's
    volumes, for releases that move an app between this machine and the cluster.
    """

    BLUE_GREEN = "blue-green"
    STOP_FIRST = "stop-first"
    HAND_OVER = "hand-over"
    MOVE = "move"


class OperationState(Enum):
    """The states of an operation; see ``TRANSITIONS``."""

    QUEUED = "queued"
    RUNNING = "running"
    UNDOING = "undoing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"
    NEEDS_ATTENTION = "needs-attention"

    @property
    def is_settled(self) -> bool:
        """Whether the state is final."""
        return not TRANSITIONS[self]


class StepState(Enum):
    """The states of a step."""

    PENDING = "pending"
    DOING = "doing"
    DONE = "done"
    FAILED = "failed"
    UNDOING = "undoing"
    UNDONE = "undone"


_STATE = OperationState
TRANSITIONS: dict[OperationState, frozenset[OperationState]] = {
    _STATE.QUEUED: frozenset({_STATE.RUNNING, _STATE.CANCELED}),
    _STATE.RUNNING: frozenset({_STATE.SUCCEEDED, _STATE.UNDOING, _STATE.NEEDS_ATTENTION}),
    _STATE.UNDOING: frozenset({_STATE.FAILED, _STATE.CANCELED, _STATE.NEEDS_ATTENTION}),
    _STATE.SUCCEEDED: frozenset(),
    _STATE.FAILED: frozenset(),
    _STATE.CANCELED: frozenset(),
    _STATE.NEEDS_ATTENTION: frozenset(),
}


@dataclass(frozen=True, kw_only=True)
class StepRecord:
    """The journal's record of one step. ``seconds``: its duration. ``text``: its result, for people."""

    name: str
    state: StepState = StepState.PENDING
    seconds: float | None = None
    text: str = ""


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One piece of requested work on an app.

    ``release``: the release that it makes live (DEPLOY, ROLLBACK) or that displaced the slot (RETIRE). ``previous``:
    the release that was live when it began. ``slot``: the slot that a RETIRE ends. ``change``: the change that a SCALE
    or RESTART makes. ``purges``: whether a DESTROY deletes volumes at once instead of keeping them in the trash.
    ``baseline``: the router's counts at the switch, or when the router began to refuse requests: requests, router
    errors and app errors of the two slots together.
    """

    id: str
    kind: OperationKind
    app: str
    release: int | None = None
    previous: int | None = None
    slot: int | None = None
    change: ProcessChange | None = None
    strategy: Strategy = Strategy.BLUE_GREEN
    baseline: tuple[int, int, int] | None = None
    state: OperationState = OperationState.QUEUED
    created_at: datetime
    created_by: str
    started_at: datetime | None = None
    finished_at: datetime | None = None
    is_cancel_requested: bool = False
    purges: bool = False
    error: Failure | None = None
    steps: tuple[StepRecord, ...] = ()

    @property
    def may_go_live(self) -> bool:
        """Whether it waits or works to make a release live, and neither fails nor was canceled."""
        is_going_on = self.state in (OperationState.QUEUED, OperationState.RUNNING) and not self.is_cancel_requested
        return is_going_on and self.kind in (OperationKind.DEPLOY, OperationKind.ROLLBACK)

    def step(self, name: str) -> StepRecord:
        """Return a step's record; a pending one if the version of pvdify that wrote the operation had no such step."""
        return next((step for step in self.steps if step.name == name), StepRecord(name=name))

    def with_step(self, record: StepRecord) -> "Operation":
        """Return the operation with this step's record replaced or added."""
        others = tuple(record if step.name == record.name else step for step in self.steps)
        return replace(self, steps=others if record in others else (*others, record))

    def moved_to(self, state: OperationState) -> "Operation":
        """Return the operation in another state. Raises ValueError unless ``TRANSITIONS`` allows the change."""
        if state is not self.state and state not in TRANSITIONS[self.state]:
            raise ValueError(f"operation {self.id} cannot go from {self.state.value} to {state.value}")
        return replace(self, state=state)


def operation_id(app: str, release: int) -> str:
    """Return the id of the operation that makes a release live."""
    return f"{app}-v{release}"
