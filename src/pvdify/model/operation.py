"""Operations: requested work with an id, journaled step by step, and the one table of its transitions."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum

from pvdify.model.release import Failure
from pvdify.model.scale import ProcessChange


class OperationKind(Enum):
    """What is asked for; each kind has a plan."""

    DEPLOY = "deploy"
    ROLLBACK = "rollback"
    SCALE = "scale"
    RESTART = "restart"
    RETIRE = "retire"
    DESTROY = "destroy"

    @property
    def is_about_processes(self) -> bool:
        """Whether it changes what runs of the live release, which itself stays as it is."""
        return self in (OperationKind.SCALE, OperationKind.RESTART)


class Strategy(Enum):
    """How a release takes the place of another.

    BLUE_GREEN: beside it, so that no visitor notices. STOP_FIRST: after it has stopped, which needs memory for one of
    them only. HAND_OVER: the same, and before the hooks run; the engine chooses it where both releases use a volume
    that only one of them may use at a time.
    """

    BLUE_GREEN = "blue-green"
    STOP_FIRST = "stop-first"
    HAND_OVER = "hand-over"


class OperationState(Enum):
    """Where an operation is; see ``TRANSITIONS``."""

    QUEUED = "queued"
    RUNNING = "running"
    UNDOING = "undoing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"
    NEEDS_ATTENTION = "needs-attention"

    @property
    def is_settled(self) -> bool:
        """Nothing more happens to it."""
        return not TRANSITIONS[self]


class StepState(Enum):
    """Where a step is."""

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
    """What the journal knows of one step. ``seconds`` is how long it took, ``text`` what it reported."""

    name: str
    state: StepState = StepState.PENDING
    seconds: float | None = None
    text: str = ""


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One piece of requested work on an app.

    ``release`` is what it makes live (DEPLOY, ROLLBACK) or what displaced the slot (RETIRE); ``previous`` is the
    release that was live when it began; ``slot`` is what a RETIRE ends; ``change`` is what a SCALE or RESTART does;
    ``purges``: whether a DESTROY deletes volumes at once instead of keeping them in the trash.
    ``baseline`` holds what the router had counted at the switch, or when visitors began to be turned away: requests,
    router errors and app errors of the two slots together.
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

    def step(self, name: str) -> StepRecord:
        """The record of one step; pending, where this version of pvdify has more steps than the one that wrote it."""
        return next((step for step in self.steps if step.name == name), StepRecord(name=name))

    def with_step(self, record: StepRecord) -> "Operation":
        """The operation with this step's record replaced, or added."""
        others = tuple(record if step.name == record.name else step for step in self.steps)
        return replace(self, steps=others if record in others else (*others, record))

    def moved_to(self, state: OperationState) -> "Operation":
        """The operation in another state. Raises ValueError for a move that the table does not know."""
        if state is not self.state and state not in TRANSITIONS[self.state]:
            raise ValueError(f"operation {self.id} cannot go from {self.state.value} to {state.value}")
        return replace(self, state=state)


def operation_id(app: str, release: int) -> str:
    """The id of the operation that makes a release live."""
    return f"{app}-v{release}"
