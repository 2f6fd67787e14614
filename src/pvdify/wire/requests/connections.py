"""Request types about notifications, the edge and PostHog."""

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class AddNotification:
    """POST /notifications. ``url``: the address, stored as a secret. ``app``: only events of this app and its previews.

    ``events``: names like ``deploy.live``, ``deploy.*`` or ``*``; empty: the default events.
    """

    url: str
    channel: Literal["webhook", "slack", "discord"] = "webhook"
    app: str | None = None
    events: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class ConnectEdge:
    """PUT /edge. ``token``: a Cloudflare API token; ``tunnel``: the name of an existing tunnel to use."""

    token: str
    tunnel: str | None = None


@dataclass(frozen=True, kw_only=True)
class ChooseRuntime:
    """PUT /runtime. ``runtime``: the runtime of new releases; apps on another one move to it."""

    runtime: str


@dataclass(frozen=True, kw_only=True)
class ConnectPosthog:
    """PUT /posthog.

    ``personal_key`` and ``project`` (its number): both or none; they add an annotation for each release.
    """

    host: str
    key: str
    personal_key: str | None = None
    project: str | None = None
