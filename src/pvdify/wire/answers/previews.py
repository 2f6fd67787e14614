"""Response types about previews and the repositories that create them."""

from dataclasses import dataclass
from datetime import datetime

from pvdify.wire.answers.releases import Release


@dataclass(frozen=True, kw_only=True)
class Preview:
    """A preview. ``app``: its parent; ``name``: the preview's own app; ``status``: ``open``, ``closed`` or ``ending``.

    ``ends_at``: when the preview is removed, unless an event of its pull request arrives before. ``release``: the
    newest one, in any state.
    """

    app: str
    pr: int
    name: str
    url: str | None
    status: str
    repository: str | None
    image: str | None
    release: Release | None
    created_at: datetime
    renewed_at: datetime
    closed_at: datetime | None
    ends_at: datetime


@dataclass(frozen=True, kw_only=True)
class Link:
    """A repository whose workflows may deploy the app without a stored secret; see ``LinkRepository``."""

    app: str
    repository: str
    repository_id: int
    owner_id: int
    branch: str
    environment: str | None
    previews: bool
    events: list[str]
    workflow: str | None
    created_at: datetime
    created_by: str


@dataclass(frozen=True, kw_only=True)
class ReceivedWebhook:
    """POST /webhooks/github.

    ``outcome``: ``heard``, ``replayed`` (received before) or ``ignored`` (concerns no app here). ``previews``: the
    previews that the webhook concerns.
    """

    outcome: str
    previews: list[str]
