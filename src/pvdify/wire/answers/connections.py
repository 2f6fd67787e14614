"""Response types about notifications, PostHog and the edge."""

from dataclasses import dataclass
from datetime import datetime

from pvdify.wire.answers.problem import Failure


@dataclass(frozen=True, kw_only=True)
class Notification:
    """A notification and its events. ``address``: the part of the URL that may be shown.

    ``secret``: the key that verifies signatures of a webhook, only in the answer to POST; null for chat rooms.
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

    ``status`` and ``error``: the result of the last attempt; ``due_at``: the time of the next attempt, or null.
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
    """The server's connection to PostHog.

    ``key``: the project's key, which is public; ``annotates``: the number of the project that gets annotations.
    """

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

    ``health``: the tunnel's state at Cloudflare: ``healthy degraded down inactive``. ``failure``: why the last check
    failed; it is retried.
    """

    kind: str
    tunnel: str | None
    health: str | None
    process: str
    hostnames: list[str]
    problems: list[EdgeProblem]
    failure: Failure | None
