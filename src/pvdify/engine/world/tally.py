"""What happened since pvdifyd started, counted: for figures that only ever grow, and that a restart may reset."""

from collections import Counter
from dataclasses import dataclass, field

STEP_BOUNDS = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
REQUEST_BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


@dataclass
class Durations:
    """How often something took how long. ``counts`` has one more entry than ``bounds``: what took longer."""

    bounds: tuple[float, ...]
    counts: list[int] = field(default_factory=list)
    seconds: float = 0.0

    def add(self, seconds: float) -> None:
        """One more of them."""
        self.counts = self.counts or [0] * (len(self.bounds) + 1)
        index = next((index for index, bound in enumerate(self.bounds) if seconds <= bound), len(self.bounds))
        self.counts[index] += 1
        self.seconds += seconds


@dataclass
class Tally:
    """Counts by labels.

    ``operations``: app, kind, outcome. ``steps``: kind, step. ``restarts``: app, process, whether memory ran out.
    ``requests``: method, path of the route table, status; ``answers``: method, path.
    """

    operations: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    steps: dict[tuple[str, str], Durations] = field(default_factory=dict)
    restarts: Counter[tuple[str, str, bool]] = field(default_factory=Counter)
    requests: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    answers: dict[tuple[str, str], Durations] = field(default_factory=dict)

    def finished(self, app: str, kind: str, outcome: str) -> None:
        """An operation has ended."""
        self.operations[app, kind, outcome] += 1

    def step(self, kind: str, name: str, seconds: float) -> None:
        """A step has ended."""
        self.steps.setdefault((kind, name), Durations(STEP_BOUNDS)).add(seconds)

    def restarted(self, app: str, process: str, *, is_out_of_memory: bool) -> None:
        """An instance was started again."""
        self.restarts[app, process, is_out_of_memory] += 1

    def answered(self, method: str, path: str, status: int, seconds: float) -> None:
        """The API has answered a request."""
        self.requests[method, path, status] += 1
        self.answers.setdefault((method, path), Durations(REQUEST_BOUNDS)).add(seconds)
