"""Plans: ordered lists of steps, with one commit point."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from pvdify.engine.deploys.step_run import StepRun
from pvdify.model.operation import StepRecord

Effect = Callable[[StepRun], Awaitable[str | None]]
Question = Callable[[StepRun], Awaitable[bool]]


@dataclass(frozen=True, kw_only=True)
class Step:
    """One resumable part of a plan.

    ``do`` observes, acts only if needed, and verifies; running it twice equals running it once. It returns a text for
    the deploy log, or None. ``undo`` reverts the step, also after a ``do`` that failed half-way. ``commits``: once the
    step is done, nothing is undone any more. ``has_work``: whether ``do`` would do anything in this operation, asked
    when the step before is done; it reads records only, and raises nothing but StoreUnavailable.
    """

    name: str
    do: Effect
    undo: Effect | None = None
    commits: bool = False
    has_work: Question | None = None


def step(
    *, undo: Effect | None = None, commits: bool = False, has_work: Question | None = None
) -> Callable[[Effect], Step]:
    """Return a decorator that makes a function a step; the step gets the function's name."""

    def make(do: Effect) -> Step:
        return Step(name=getattr(do, "__name__", "step"), do=do, undo=undo, commits=commits, has_work=has_work)

    return make


class Plan:
    """The ordered steps of an operation."""

    def __init__(self, *steps: Step) -> None:
        self.steps = steps

    def records(self) -> tuple[StepRecord, ...]:
        """Return the journal records of all steps, none of which has begun."""
        return tuple(StepRecord(name=step.name) for step in self.steps)
