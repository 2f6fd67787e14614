"""Response types of errors."""

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Failure:
    """The reason why a release failed, or what went wrong after it became live. Has the four facts of every error."""

    code: str
    what: str
    why: str
    next: str


@dataclass(frozen=True, kw_only=True)
class Problem:
    """An error, as application/problem+json."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    why: str
    next: str
    request_id: str
    problems: list[str] = field(default_factory=list)
