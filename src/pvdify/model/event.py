"""Events: the record of who did what, and when. Kept after their app is destroyed."""

from dataclasses import dataclass
from datetime import datetime

from pvdify.model.action import Action


@dataclass(frozen=True, kw_only=True)
class Event:
    """One event. ``id`` is 0 until it is stored; ``actor`` is a token's name or ``pvdify``.

    ``address``: where the request came from; empty if no remote request caused the event.
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
    """A selection of events; None selects all. ``kind``: an action (``deploy.live``) or a group (``deploy``)."""

    app: str | None = None
    actor: str | None = None
    kind: str | None = None
    since: datetime | None = None

    def matches(self, event: Event) -> bool:
        """Return whether the filter selects this event."""
        return (
            self.app in (None, event.app)
            and self.actor in (None, event.actor)
            and (self.kind is None or event.action == self.kind or event.action.startswith(f"{self.kind}."))
            and (self.since is None or event.at >= self.since)
        )


@dataclass(frozen=True, kw_only=True)
class IdempotentRequest:
    """An answered request with an Idempotency-Key. A repetition of it gets the same release."""

    key: str
    actor: str
    fingerprint: str
    app: str
    release: int
    created_at: datetime
