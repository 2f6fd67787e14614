"""What one may send."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

Strategy = Literal["blue-green", "stop-first"]


@dataclass(frozen=True, kw_only=True)
class CreateApp:
    """POST /apps."""

    name: str


@dataclass(frozen=True, kw_only=True)
class ChangeApp:
    """PATCH /apps/{app}. ``maintenance``: whether visitors are told to come back later (503)."""

    maintenance: bool


@dataclass(frozen=True, kw_only=True)
class RevealConfig:
    """POST /apps/{app}/config/reveal."""

    keys: list[str]


@dataclass(frozen=True, kw_only=True)
class ImportConfig:
    """POST /apps/{app}/config/import. ``content``: the text of a SOPS file; ``plain``: names that are no secrets.

    Values that are encrypted in the file become secrets, unless the app has them as plain ones already.
    """

    content: str
    format: Literal["yaml", "json", "dotenv"] = "yaml"
    plain: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class AddRecipient:
    """POST /secrets/recipients. ``key``: an age recipient (``age1…``) or an SSH public key."""

    name: str
    key: str


@dataclass(frozen=True, kw_only=True)
class Deploy:
    """POST /apps/{app}/releases.

    ``image``: a reference; without it the live image is deployed again with the newest config. ``manifest``: the text
    of a pvdify.yml, or its content as an object; without it the live release's manifest stays. ``commit``,
    ``branch`` and ``run_number`` say where the image comes from. ``strategy``: beside the live release (default), or
    after it has stopped, which needs less memory and turns visitors away meanwhile.
    """

    image: str | None = None
    manifest: str | dict[str, Any] | None = None
    commit: str | None = None
    branch: str | None = None
    run_number: int | None = None
    allow_older: bool = False
    strategy: Strategy | None = None


@dataclass(frozen=True, kw_only=True)
class PutPreview:
    """PUT /apps/{app}/previews/{pr}: make the preview of a pull request, or update it in place.

    ``image``, ``manifest`` and what follows mean the same as for a deploy. ``repository``: ``owner/name`` at GitHub.
    ``fork``: the pull request comes from a fork; ``labels``: the labels it has. ``as_of``: the pull request's
    ``updated_at`` in the event that led here, by which a late event is told from a new one; default: now.
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
class Rollback:
    """POST /apps/{app}/rollback.

    ``version``: which release to repeat; default: the one live before. ``strategy``: as for a deploy.
    """

    version: int | None = None
    strategy: Strategy | None = None


@dataclass(frozen=True, kw_only=True)
class RestartProcesses:
    """POST /apps/{app}/processes/restart. ``process``: only this one's instances; default: all."""

    process: str | None = None


@dataclass(frozen=True, kw_only=True)
class Terminal:
    """How large a terminal is."""

    rows: int
    columns: int


@dataclass(frozen=True, kw_only=True)
class RunCommand:
    """POST /apps/{app}/run. ``command``: text for the image's shell, or words; ``terminal``: run it on one."""

    command: str | list[str]
    terminal: Terminal | None = None


@dataclass(frozen=True, kw_only=True)
class AddDomain:
    """POST /apps/{app}/domains."""

    hostname: str


@dataclass(frozen=True, kw_only=True)
class LinkRepository:
    """POST /apps/{app}/github: workflows of this repository may deploy the app.

    ``branch``: from this branch; ``environment``: and only in a job of this environment. ``previews``: workflows of its
    pull requests may see to the app's previews. ``repository_id`` and ``owner_id``: GitHub's numbers of them; without
    both, GitHub is asked.
    """

    repository: str
    branch: str = "main"
    environment: str | None = None
    previews: bool = False
    repository_id: int | None = None
    owner_id: int | None = None


@dataclass(frozen=True, kw_only=True)
class ExchangeIdentity:
    """POST /auth/github. ``token``: what GitHub gave the workflow, with this server's address as its audience.

    ``app``: what the new token is to be good for: an app, or the preview of one (``myapp-pr-12``).
    """

    token: str = field(repr=False)
    app: str


@dataclass(frozen=True, kw_only=True)
class CreateToken:
    """POST /tokens. ``app``: the only app the token is good for. ``expires_in``: seconds; None: never."""

    name: str
    role: Literal["admin", "deploy", "read"] = "deploy"
    app: str | None = None
    expires_in: int | None = None


@dataclass(frozen=True, kw_only=True)
class LogInToRegistry:
    """PUT /registries/{host}. ``password``: or an access token; kept as a secret."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class AddNotification:
    """POST /notifications. ``url``: where to, which is kept as a secret. ``app``: of this app and its previews only.

    ``events``: names like ``deploy.live``, ``deploy.*`` or ``*``; none: the usual ones.
    """

    url: str
    channel: Literal["webhook", "slack", "discord"] = "webhook"
    app: str | None = None
    events: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class ConnectEdge:
    """PUT /edge. ``token``: an API token of Cloudflare; ``tunnel``: the name of one to adopt instead of making one."""

    token: str
    tunnel: str | None = None


@dataclass(frozen=True, kw_only=True)
class ConnectPosthog:
    """PUT /posthog. ``personal_key`` and ``project`` (its number) together, for an annotation per release."""

    host: str
    key: str
    personal_key: str | None = None
    project: str | None = None
