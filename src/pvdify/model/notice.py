"""Notifications: the notice of an event, who subscribes to it, and the state of each delivery."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from pvdify.model.action import Action
from pvdify.model.names import parent_of
from pvdify.timing import BackOff

BACK_OFF = BackOff(first=2.0, longest=1800.0)
GIVE_UP_AFTER = timedelta(hours=24)
_NEED_NO_MORE = (Action.DEPLOY_LIVE,)


class Channel(Enum):
    """The forms of notifications."""

    WEBHOOK = "webhook"
    SLACK = "slack"
    DISCORD = "discord"
    POSTHOG = "posthog"
    POSTHOG_ANNOTATIONS = "posthog-annotations"
    GITHUB = "github"


@dataclass(frozen=True, kw_only=True)
class Notice:
    """One event with the facts that a receiver needs to understand it.

    The cause of a failed operation is left out, because it may quote logs.

    ``id`` is the event's; 0 for a test. ``release`` and what follows are None for events without a release.
    ``repository`` and ``pull_request``: where a preview or a linked app comes from.
    """

    id: int
    at: datetime
    action: Action
    actor: str
    text: str = ""
    app: str | None = None
    environment: str | None = None
    url: str | None = None
    release: int | None = None
    image: str | None = None
    digest: str | None = None
    commit: str | None = None
    branch: str | None = None
    failure_code: str | None = None
    failure: str | None = None
    next: str | None = None
    repository: str | None = None
    pull_request: int | None = None

    @property
    def headline(self) -> str:
        """One sentence that says what happened."""
        known = self.action.headline
        head = known.format(app=self.app or "the server", action=self.action, version=f"v{self.release}")
        said = self.failure or ("" if self.action in _NEED_NO_MORE else self.text)
        return f"{head}: {said}" if said else head

    @property
    def is_bad(self) -> bool:
        """Whether the event needs an operator's attention."""
        return self.failure is not None or self.action.is_bad


@dataclass(frozen=True, kw_only=True)
class Subscription:
    """A subscription to events, in one form. Its address and keys are stored as a secret.

    ``app``: only this app and its previews. ``events``: names like ``deploy.live``, ``deploy.*`` or ``*``. ``address``:
    the part of the address that may be shown.
    """

    id: str
    channel: Channel
    app: str | None = None
    events: tuple[str, ...]
    address: str
    created_at: datetime
    created_by: str

    def wants(self, action: str, app: str | None) -> bool:
        """Return whether the subscription includes this event of this app."""
        if self.app is not None and app != self.app and (parent_of(app or "") or ("", 0))[0] != self.app:
            return False
        return any(_matches(pattern, action) for pattern in self.events)


class DeliveryState(Enum):
    """The states of a delivery."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """The result of one attempt. ``is_final``: no retry helps. ``wait``: seconds that the receiver asked to wait."""

    is_delivered: bool
    is_final: bool = False
    status: int | None = None
    text: str = ""
    wait: float | None = None


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """One notice for one subscription. Its id is the same at every attempt, so that the receiver can detect repeats."""

    id: str
    subscription: str
    notice: Notice
    state: DeliveryState = DeliveryState.PENDING
    attempts: int = 0
    created_at: datetime
    due_at: datetime
    ended_at: datetime | None = None
    status: int | None = None
    error: str = ""


@dataclass(frozen=True, kw_only=True)
class Cursor:
    """The position of a reader of events: everything up to the event ``position`` is handled."""

    name: str
    position: int


def attempt_of(status: int, retry_after: str | None) -> Attempt:
    """Return the result of a delivery attempt, from the HTTP status and ``Retry-After``."""
    if 200 <= status < 300:
        return Attempt(is_delivered=True, status=status)
    is_final = status < 500 and status not in (408, 425, 429)
    wait = min(float(retry_after), BACK_OFF.longest) if retry_after and retry_after.isdecimal() else None
    text = "redirects are not followed" if 300 <= status < 400 else f"answered {status}"
    return Attempt(is_delivered=False, is_final=is_final, status=status, text=text, wait=wait)


def _matches(pattern: str, action: str) -> bool:
    if pattern.endswith("*"):
        return action.startswith(pattern[:-1])
    return pattern == action
