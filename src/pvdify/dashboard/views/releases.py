"""View models of releases: why a rollback to a release is impossible, and the durations of steps. Pure functions."""

from collections.abc import Mapping

from pvdify.dashboard.charts import Bar
from pvdify.engine.reading.views import ReleaseView
from pvdify.model.operation import Operation, StepState
from pvdify.model.release import ReleaseStatus

_KINDS: Mapping[StepState, str] = {
    StepState.PENDING: "pending", StepState.DOING: "doing", StepState.DONE: "done", StepState.FAILED: "failed",
    StepState.UNDOING: "undoing", StepState.UNDONE: "undone",
}  # fmt: skip


def why_not(view: ReleaseView, keep: int) -> str:
    """Return why a rollback to the release is impossible, or "". ``keep``: how many releases keep their image."""
    release = view.release
    if view.can_roll_back:
        return ""
    if release.status is ReleaseStatus.ACTIVE:
        return "it is live"
    if not release.status.is_settled:
        return "its deploy has not ended"
    if not release.was_live:
        return "it never was live"
    return f"its image is no longer kept: only the newest {keep} that were live are"


def bars(view: ReleaseView, operation: Operation | None) -> tuple[Bar, ...]:
    """Return the steps of a deploy from its operation, or from the release's receipt if there is no operation."""
    if operation is not None and operation.steps:
        begun = [it.name for it in operation.steps if it.state is not StepState.PENDING]
        failed = begun[-1] if begun and operation.error is not None else ""
        return tuple(
            Bar(name=it.name, seconds=it.seconds, kind="failed" if it.name == failed else _KINDS[it.state])
            for it in operation.steps
        )
    receipt = view.release.receipt
    return tuple(Bar(name=name, seconds=seconds) for name, seconds in (receipt.steps if receipt else {}).items())
