"""Plans: ordered recipes of steps, with one commit point."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from pvdify.engine.deploys.step_run import StepRun
from pvdify.model.operation import StepRecord

Effect = Callable[[StepRun], Awaitable[str | None]]


@dataclass(frozen=True, kw_only=True)
class Step:
    """One resumable part of a plan.

    ``do`` looks, acts only if needed, and checks; running it twice equals running it once. It returns what people
    should read about it, or None for a step without a text. ``undo`` puts everything back, also after a
    ``do`` that failed half-way. ``commits``: once it is done, nothing is undone any more.
    """

    name: str
    do: Effect
    undo: Effect | None = None
    commits: bool = False


def step(*, undo: Effect | None = None, commits: bool = False) -> Callable[[Effect], Step]:
    """Make a function a step named like itself."""

    def make(do: Effect) -> Step:
        return Step(name=getattr(do, "__name__", "step"), do=do, undo=undo, commits=commits)

    return make


class Plan:
    """Steps in their order."""

    def __init__(self, *steps: Step) -> None:
        self.steps = steps

    def records(self) -> tuple[StepRecord, ...]:
        """A journal of this plan before it has begun."""
        return tuple(StepRecord(name=step.name) for step in self.steps)
