"""The guard: the statistical test that decides whether a new release is rolled back. Pure functions."""

from dataclasses import dataclass
from math import sqrt

from pvdify.model.route import Traffic

LEAST_REQUESTS = 20  # requests; below this, a release is not judged
CERTAINTY = 3.0  # standard deviations; the check runs every second, and chance alone must not roll a release back
LEAST_BEFORE = 20  # requests; with fewer, the release before is not used for comparison


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The answers of a release and of the one before it so far. ``is_too_bad``: the release must be rolled back."""

    requests: int
    errors: int
    requests_before: int
    errors_before: int
    limit: float
    is_too_bad: bool

    def __str__(self) -> str:
        before = f", before: {_share(self.errors_before, self.requests_before)}" if self.requests_before else ""
        return f"{_share(self.errors, self.requests)} with 5xx{before}; allowed: {self.limit * 100:g} %"


def judge(now: Traffic, before: Traffic, limit: float) -> Verdict:
    """Judge a release. It is too bad if its error share is above the limit and above the previous release's.

    Both must be statistically certain. Errors that occurred before the new release are no reason to roll it back.
    """
    errors, errors_before = (it.app_errors + it.router_errors for it in (now, before))
    is_beyond = now.requests >= LEAST_REQUESTS and _lower_bound(errors, now.requests) > limit
    return Verdict(
        requests=now.requests,
        errors=errors,
        requests_before=before.requests,
        errors_before=errors_before,
        limit=limit,
        is_too_bad=is_beyond and _is_worse(errors, now.requests, errors_before, before.requests),
    )


def _lower_bound(errors: int, requests: int) -> float:
    """Return the lower end of Wilson's interval for a share."""
    share, square = errors / requests, CERTAINTY**2
    middle = share + square / (2 * requests)
    spread = CERTAINTY * sqrt(share * (1 - share) / requests + square / (4 * requests**2))
    return (middle - spread) / (1 + square / requests)


def _is_worse(errors: int, requests: int, errors_before: int, requests_before: int) -> bool:
    """Return whether two shares differ by more than chance, by the two-proportion test."""
    if requests_before < LEAST_BEFORE:
        return True
    pooled = (errors + errors_before) / (requests + requests_before)
    deviation = sqrt(pooled * (1 - pooled) * (1 / requests + 1 / requests_before))
    excess = errors / requests - errors_before / requests_before
    return excess > CERTAINTY * deviation if deviation else excess > 0


def _share(errors: int, requests: int) -> str:
    share = f" ({errors / requests * 100:.1f} %)" if requests else ""
    return f"{errors:,} of {requests:,} requests{share}"
