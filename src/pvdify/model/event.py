"""Events: who did what, when; kept even after an app is gone."""

from dataclasses import dataclass
from datetime import datetime

from pvdify.model.action import Action


@dataclass(frozen=True, kw_only=True)
class Event:
    """One thing that happened. ``id`` is 0 until it is stored; ``actor`` is a token's name or ``pvdify``.

    ``address``: where the request came from; empty for what no request from afar asked for.
    """

    id: int = 0
    at: datetime
    actor: str
    action: Action
    app: str | None = None
    release: int | None = None
    text: str = ""
    address: str = ""


@dataclass(frozen=True, kw_only=True)
class EventFilter:
    """Which events to show; None: all. ``kind``: an action (``deploy.live``), or what some begin with (``deploy``)."""

    app: str | None = None
    actor: str | None = None
    kind: str | None = None
    since: datetime | None = None

    def matches(self, event: Event) -> bool:
        """Whether this is one of them."""
        return (
            self.app in (None, event.app)
            and self.actor in (None, event.actor)
            and (self.kind is None or event.action == self.kind or event.action.startswith(f"{self.kind}."))
            and (self.since is None or event.at >= self.since)
        )


@dataclass(frozen=True, kw_only=True)
class IdempotentRequest:
    """A request that was answered under an Idempotency-Key: the same again gets the same release."""

    key: str
    actor: str
    fingerprint: str
    app: str
    release: int
    created_at: datetime
