"""What one gets back when something is refused or failed."""

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Why a release failed, or what went wrong after it became live: the same four facts as every error."""

    code: str
    what: str
    why: str
    next: str


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Every error: application/problem+json."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    why: str
    next: str
    request_id: str
    problems: list[str] = field(default_factory=list)
