"""Request types about previews, and repositories at GitHub."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, kw_only=True)
class PutPreview:
    """PUT /apps/{app}/previews/{pr}: create the preview of a pull request, or update it in place.

    ``image``, ``manifest`` and the fields up to ``allow_older`` mean the same as for a deploy. ``repository``:
    ``owner/name`` at GitHub. ``fork``: the pull request comes from a fork; ``labels``: its labels. ``as_of``: the pull
    request's ``updated_at`` in the event that caused this request, which shows whether the event is late; default: now.
    """

    image: str | None = None
    manifest: str | dict[str, Any] | None = None
    commit: str | None = None
    branch: str | None = None
    run_number: int | None = None
    allow_older: bool = False
    repository: str | None = None
    fork: bool = False
    labels: list[str] = field(default_factory=list)
    as_of: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class LinkRepository:
    """POST /apps/{app}/github: allow workflows of this repository to deploy the app.

    ``branch``: the workflow's branch. ``environment``: the environment that the job must use. ``previews``: workflows
    of pull requests may deploy and close the app's previews. ``events``: the events that may start the workflow, by
    default push, workflow_dispatch, schedule and release. ``workflow``: the only workflow file allowed. ``domains``:
    hostnames that its deploys may claim for the app. ``repository_id`` and ``owner_id``: GitHub's numbers; without
    both, the server asks GitHub.
    """

    repository: str
    branch: str = "main"
    environment: str | None = None
    previews: bool = False
    events: list[str] | None = None
    workflow: str | None = None
    domains: list[str] | None = None
    repository_id: int | None = None
    owner_id: int | None = None


@dataclass(frozen=True, kw_only=True)
class ExchangeIdentity:
    """POST /auth/github.

    ``token``: the workflow's OpenID token from GitHub, with this server's address as its audience. ``app``: the app, or
    the preview (``myapp-pr-12``), that the new token may use.
    """

    token: str = field(repr=False)
    app: str
