"""Counters of events since pvdifyd started, for metrics that only grow and are reset by a restart."""

from collections import Counter
from dataclasses import dataclass, field

STEP_BOUNDS = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)  # seconds
REQUEST_BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)  # seconds


@dataclass
class Durations:
    """A histogram of durations in seconds. The last entry of ``counts`` is for durations above all ``bounds``."""

    bounds: tuple[float, ...]
    counts: list[int] = field(default_factory=list)
    seconds: float = 0.0

    def add(self, seconds: float) -> None:
        """Count one duration."""
        self.counts = self.counts or [0] * (len(self.bounds) + 1)
        index = next((index for index, bound in enumerate(self.bounds) if seconds <= bound), len(self.bounds))
        self.counts[index] += 1
        self.seconds += seconds


@dataclass
class Tally:
    """Counters and histograms by labels.

    ``operations``: app, kind, outcome. ``steps``: kind, step. ``restarts``: app, process, whether memory ran out.
    ``requests``: method, path of the route table, status; ``answers``: method, path.
    """

    operations: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    steps: dict[tuple[str, str], Durations] = field(default_factory=dict)
    restarts: Counter[tuple[str, str, bool]] = field(default_factory=Counter)
    requests: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    answers: dict[tuple[str, str], Durations] = field(default_factory=dict)

    def finished(self, app: str, kind: str, outcome: str) -> None:
        """Count an operation that has ended."""
        self.operations[app, kind, outcome] += 1

    def step(self, kind: str, name: str, seconds: float) -> None:
        """Count a step that has ended."""
        self.steps.setdefault((kind, name), Durations(STEP_BOUNDS)).add(seconds)

    def restarted(self, app: str, process: str, *, is_out_of_memory: bool) -> None:
        """Count a restart of an instance."""
        self.restarts[app, process, is_out_of_memory] += 1

    def answered(self, method: str, path: str, status: int, seconds: float) -> None:
        """Count a request that the API has answered."""
        self.requests[method, path, status] += 1
        self.answers.setdefault((method, path), Durations(REQUEST_BOUNDS)).add(seconds)
