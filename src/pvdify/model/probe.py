"""Probes: our question "are you ready to serve?", and the answers it can get."""

from dataclasses import dataclass
from enum import Enum

from pvdify.manifest.definition import HealthCheck

DEFAULT_PATH = "/health"


class Answer(Enum):
    """What became of one probe."""

    STATUS = "status"  # an HTTP answer came; `status` is its status
    REFUSED = "refused"  # nothing listens there
    RESET = "reset"  # the connection was closed before an answer
    TIMEOUT = "timeout"  # no answer in time
    NOT_HTTP = "not-http"  # something answered, but not HTTP


@dataclass(frozen=True, kw_only=True)
class ProbeResult:
    """One probe's outcome. ``location`` is where a redirect points, ``seconds`` how long the answer took."""

    answer: Answer
    status: int | None = None
    location: str | None = None
    seconds: float = 0.0
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def is_success(self) -> bool:
        """Any 2xx."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def is_redirect(self) -> bool:
        """Any 3xx."""
        return self.status is not None and 300 <= self.status < 400


def is_healthy(check: HealthCheck, result: ProbeResult) -> bool:
    """Any 2xx; without a path in the manifest, a 404 of an app that answers is good enough."""
    return result.is_success or (check.path is None and result.status == 404)
