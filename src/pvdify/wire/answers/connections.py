"""What one gets back about what the server is connected to: who is notified, PostHog, Cloudflare."""

from dataclasses import dataclass
from datetime import datetime

from pvdify.wire.answers.problem import Failure


@dataclass(frozen=True, kw_only=True)
class Notification:
    """A notification and its events. ``address`` is as much of the URL as may be shown.

    ``secret``: the key that a program checks signatures by, in the answer to POST only; null for chat rooms.
    """

    id: str
    channel: str
    app: str | None
    events: list[str]
    address: str
    created_at: datetime
    created_by: str
    secret: str | None = None


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """A delivery of an event. ``state``: ``pending delivered failed``; ``event``: its number, 0 for a test.

    ``status`` and ``error``: how the last try ended; ``due_at``: when the next one is, if one is to come.
    """

    id: str
    notification: str
    event: int
    action: str
    app: str | None
    release: int | None
    state: str
    attempts: int
    created_at: datetime
    due_at: datetime | None
    ended_at: datetime | None
    status: int | None
    error: str


@dataclass(frozen=True, kw_only=True)
class Posthog:
    """The server's connection to PostHog. ``key`` is the project's, which is no secret; ``annotates``: its number."""

    is_connected: bool
    host: str | None
    key: str | None
    annotates: str | None


@dataclass(frozen=True, kw_only=True)
class EdgeProblem:
    """A hostname that is not routed to this server."""

    hostname: str
    what: str
    next: str


@dataclass(frozen=True, kw_only=True)
class Edge:
    """The edge. ``kind``: ``none`` (a proxy of your own) or ``cloudflare``.

    ``health`` is Cloudflare's word for the tunnel: ``healthy degraded down inactive``. ``failure``: why the last check
    failed; it is retried.
    """

    kind: str
    tunnel: str | None
    health: str | None
    process: str
    hostnames: list[str]
    problems: list[EdgeProblem]
    failure: Failure | None
