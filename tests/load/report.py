"""The report of a load: every request, the release that answered it, and every failure with its reason."""

import itertools
from collections import Counter
from dataclasses import dataclass, field

from tests.load.connection import Reason


@dataclass(frozen=True, kw_only=True)
class Failure:
    """One failed request. Times are those of ``time.monotonic``; ``number`` if the load numbers its requests."""

    reason: Reason
    detail: str
    shape: str
    started: float
    failed: float
    number: int | None = None

    def __str__(self) -> str:
        return f"{self.shape}: {self.reason.value} {self.detail}".strip()


@dataclass(slots=True)
class Report:
    """Filled while the load runs, complete when it has stopped.

    ``answered`` has (started, finished, version) of each good request; versions are what the version header said.
    """

    started: float
    finished: float = 0.0
    answered: list[tuple[float, float, str]] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    connections: int = 0
    websocket_messages: int = 0
    websocket_closes: int = 0  # with a closing frame: announced, so not a failure

    @property
    def requests(self) -> int:
        """All that were sent, good and failed, without WebSocket messages."""
        return len(self.answered) + sum(failure.reason is not Reason.WEBSOCKET for failure in self.failures)

    @property
    def by_version(self) -> Counter[str]:
        """Good requests by the release that answered."""
        return Counter(version for _, _, version in self.answered)

    @property
    def by_reason(self) -> Counter[str]:
        """Failures by reason."""
        return Counter(failure.reason.value for failure in self.failures)

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.requests / max(self.finished - self.started, 1e-9)

    def answered_by(self, version: str, *, started_after: float = 0.0) -> int:
        """Good requests that this release answered although they began after a moment."""
        return sum(start > started_after and who == version for start, _, who in self.answered)

    def latency(self, share: float) -> float:
        """Seconds within which this share (0.99) of the good requests were answered; nan without any."""
        seconds = sorted(end - start for start, end, _ in self.answered)
        return seconds[min(int(share * len(seconds)), len(seconds) - 1)] if seconds else float("nan")

    def longest_gap(self) -> float:
        """The longest time in which no request was answered at all."""
        ends = [self.started, *sorted(end for _, end, _ in self.answered), self.finished]
        return max(after - before for before, after in itertools.pairwise(ends))

    def summary(self) -> str:
        """One line for people."""
        return (
            f"{self.requests} requests ({self.rate:.0f}/s), {len(self.failures)} failed {dict(self.by_reason)}, "
            f"answered by {dict(self.by_version)}, p50 {self.latency(0.5) * 1000:.1f} ms, "
            f"p99 {self.latency(0.99) * 1000:.1f} ms, {self.websocket_messages} websocket messages"
        )
