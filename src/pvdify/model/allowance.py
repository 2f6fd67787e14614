"""A rate limit: a number of requests that is used up and refilled over time. Pure."""

from dataclasses import dataclass, replace


@dataclass(frozen=True, kw_only=True)
class Allowance:
    """``most`` turns at once, and ``per_second`` more as time passes. ``left`` was so much at ``since`` (monotonic)."""

    most: float
    per_second: float
    left: float
    since: float

    def at(self, now: float) -> "Allowance":
        """The same with the turns that have come back by ``now``."""
        left = min(self.most, self.left + max(0.0, now - self.since) * self.per_second)
        return replace(self, left=left, since=now)

    def used(self) -> "Allowance":
        """One turn less."""
        return replace(self, left=max(0.0, self.left - 1))

    @property
    def wait(self) -> float:
        """Seconds until there is a turn: 0 if there is one now."""
        return max(0.0, 1 - self.left) / self.per_second

    @property
    def is_full(self) -> bool:
        """Whether there was no request lately."""
        return self.left >= self.most


def allowance(most: float, per_second: float, now: float) -> Allowance:
    """A full one."""
    return Allowance(most=most, per_second=per_second, left=most, since=now)
