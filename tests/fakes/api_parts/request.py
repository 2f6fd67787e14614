"""A request, how it may be refused, and how deploys go."""

import threading
from collections import deque
from dataclasses import dataclass, field
from typing import Any

AT = "2026-11-23T11:31:02Z"


@dataclass
class Script:
    """How deploys go. ``events``: (name, data) pairs of the log; ``outcome``: what becomes of the release.

    ``cuts``: after how many events each of the next connections is cut; ``hold``: wait for it before the end.
    """

    events: list[tuple[str, str]] = field(default_factory=list)
    outcome: dict[str, Any] = field(default_factory=lambda: {"status": "active"})
    cuts: deque[int] = field(default_factory=deque)
    hold: threading.Event | None = None


@dataclass(frozen=True)
class Asked:
    """A request that arrived."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any


class Refused(Exception):
    """The answer is a problem."""

    def __init__(self, status: int, code: str, detail: str, **more: Any) -> None:
        super().__init__(detail)
        self.status = status
        self.problem = {"type": "about:blank", "title": code, "status": status, "code": code, "detail": detail} | more
