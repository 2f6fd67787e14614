"""Probes: requests that check whether an instance is ready, and their results."""

from dataclasses import dataclass
from enum import Enum

from pvdify.manifest.definition import HealthCheck

DEFAULT_PATH = "/health"


class Answer(Enum):
    """The kinds of outcomes of a probe."""

    STATUS = "status"  # an HTTP answer; `status` is its status
    REFUSED = "refused"  # the port has no listener
    RESET = "reset"  # the connection was closed before an answer
    TIMEOUT = "timeout"  # no answer before the timeout
    NOT_HTTP = "not-http"  # an answer that is not HTTP


@dataclass(frozen=True, kw_only=True)
class ProbeResult:
    """The outcome of one probe. ``location``: the target of a redirect. ``seconds``: the time until the answer."""

    answer: Answer
    status: int | None = None
    location: str | None = None
    seconds: float = 0.0
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def is_success(self) -> bool:
        """Whether the status is 2xx."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def is_redirect(self) -> bool:
        """Whether the status is 3xx."""
        return self.status is not None and 300 <= self.status < 400


def is_healthy(check: HealthCheck, result: ProbeResult) -> bool:
    """Return whether the answer is 2xx; without a path in the manifest, 404 counts as healthy too."""
    return result.is_success or (check.path is None and result.status == 404)
