"""Rate limits as token buckets. Pure values."""

from dataclasses import dataclass, replace


@dataclass(frozen=True, kw_only=True)
class Allowance:
    """A bucket of at most ``most`` requests, refilled at ``per_second``.

    ``left``: the requests it held at ``since`` (monotonic).
    """

    most: float
    per_second: float
    left: float
    since: float

    def at(self, now: float) -> "Allowance":
        """Return the allowance refilled up to ``now``."""
        left = min(self.most, self.left + max(0.0, now - self.since) * self.per_second)
        return replace(self, left=left, since=now)

    def used(self) -> "Allowance":
        """Return the allowance after one more request."""
        return replace(self, left=max(0.0, self.left - 1))

    @property
    def wait(self) -> float:
        """Seconds until the next request is allowed; 0 if one is allowed now."""
        return max(0.0, 1 - self.left) / self.per_second

    @property
    def is_full(self) -> bool:
        """Whether the bucket is completely refilled."""
        return self.left >= self.most


def allowance(most: float, per_second: float, now: float) -> Allowance:
    """Return a full allowance."""
    return Allowance(most=most, per_second=per_second, left=most, since=now)
