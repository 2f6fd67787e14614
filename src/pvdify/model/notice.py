"""Notices: what happened here, as told to others; who wants to be told, and what became of each telling."""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from pvdify.model.names import parent_of

DEFAULT_EVENTS = (
    "deploy.live", "deploy.failed", "rollback.live", "rollback.failed", "guard.tripped",
    "release.unseen",
    "instance.out-of-memory", "instance.unhealthy", "preview.opened", "preview.ended",
)  # fmt: skip
FIRST_PAUSE, LONGEST_PAUSE = 2.0, 1800.0  # seconds before another try, doubled each time
GIVE_UP_AFTER = timedelta(hours=24)


_HEADLINES = {
    "deploy.requested": "{app} {version} was asked for",
    "deploy.live": "{app} {version} is live",
    "deploy.failed": "{app} {version} failed",
    "deploy.canceled": "{app} {version} was canceled",
    "deploy.superseded": "{app} {version} gave way to a newer release",
    "rollback.requested": "{app} {version} was asked for",
    "rollback.live": "{app} {version} is live",
    "rollback.failed": "{app} {version} failed",
    "guard.tripped": "{app} {version} is being taken back",
    "instance.out-of-memory": "{app}: an instance ran out of memory",
    "release.unseen": "{app}",
    "instance.unhealthy": "{app}: an instance stopped answering",
    "preview.opened": "{app}: a preview was opened",
    "preview.closed": "{app}: its pull request was closed",
    "preview.reopened": "{app}: its pull request was opened again",
    "preview.ended": "{app}: the preview is taken away",
    "notify.test": "this is a test",
}
_NEED_NO_MORE = ("deploy.live",)
_BAD = (
    "deploy.failed",
    "rollback.failed",
    "guard.tripped",
    "release.unseen",
    "instance.out-of-memory",
    "instance.unhealthy",
)


class Channel(Enum):
    """The form in which somebody wants to be told."""

    WEBHOOK = "webhook"
    SLACK = "slack"
    DISCORD = "discord"
    POSTHOG = "posthog"
    POSTHOG_ANNOTATIONS = "posthog-annotations"
    GITHUB = "github"


@dataclass(frozen=True, kw_only=True)
class Notice:
    """One event with what an outsider needs to understand it.

    Why an operation failed stays here: that may quote logs.

    ``id`` is the event's; 0 for a test. ``release`` and what follows are None where the event is about no release.
    ``repository`` and ``pull_request``: where a preview, or a linked app, comes from.
    """

    id: int
    at: datetime
    action: str
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
        """What happened, in a sentence."""
        known = _HEADLINES.get(self.action, "{app}: {action}")
        head = known.format(app=self.app or "the server", action=self.action, version=f"v{self.release}")
        said = self.failure or ("" if self.action in _NEED_NO_MORE else self.text)
        return f"{head}: {said}" if said else head

    @property
    def is_bad(self) -> bool:
        """Whether somebody should look."""
        return self.failure is not None or self.action in _BAD


@dataclass(frozen=True, kw_only=True)
class Subscription:
    """Who wants to be told of which events, in which form. Where to, and with which keys, is kept as a secret.

    ``app``: this app and its previews only. ``events``: names like ``deploy.live``, ``deploy.*`` or ``*``.
    ``address`` is as much of the address as may be shown.
    """

    id: str
    channel: Channel
    app: str | None = None
    events: tuple[str, ...]
    address: str
    created_at: datetime
    created_by: str

    def wants(self, action: str, app: str | None) -> bool:
        """Whether an event of this name, about this app, is to be told."""
        if self.app is not None and app != self.app and (parent_of(app or "") or ("", 0))[0] != self.app:
            return False
        return any(_matches(pattern, action) for pattern in self.events)


class DeliveryState(Enum):
    """What became of a delivery so far."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """How one try ended. ``is_final``: it is no use to try again. ``wait``: seconds that the other side asked for."""

    is_delivered: bool
    is_final: bool = False
    status: int | None = None
    text: str = ""
    wait: float | None = None


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """One notice on its way to one subscription; its id is the same at every try, so that a second one can be told."""

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
    """How far a reader of the events has come: everything up to the event ``position`` is dealt with."""

    name: str
    position: int


def attempt_of(status: int, retry_after: str | None) -> Attempt:
    """What the status of an HTTP answer, and its ``Retry-After``, mean for a delivery."""
    if 200 <= status < 300:
        return Attempt(is_delivered=True, status=status)
    is_final = status < 500 and status not in (408, 425, 429)
    wait = min(float(retry_after), LONGEST_PAUSE) if retry_after and retry_after.isdecimal() else None
    text = "redirects are not followed" if 300 <= status < 400 else f"answered {status}"
    return Attempt(is_delivered=False, is_final=is_final, status=status, text=text, wait=wait)


def pause_before_retry(attempts: int, chance: random.Random) -> float:
    """Seconds to wait after so many tries: doubled each time, up to a limit, and spread out."""
    full: float = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(attempts - 1, 20))
    return chance.uniform(full / 2, full)


def _matches(pattern: str, action: str) -> bool:
    if pattern.endswith("*"):
        return action.startswith(pattern[:-1])
    return pattern == action
