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
    """PATCH /apps/{app}. ``maintenance``: whether visitors get a page with 503."""

    maintenance: bool


@dataclass(frozen=True, kw_only=True)
class RenameApp:
    """POST /apps/{app}/rename. ``keep_hostname``: the app goes on answering at its own hostname until now, too."""

    name: str
    keep_hostname: bool = False


@dataclass(frozen=True, kw_only=True)
class PauseApp:
    """POST /apps/{app}/pause. ``seconds``: how long new requests wait at most, unless the app is resumed before."""

    seconds: float = 30.0


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
class RollBackConfig:
    """POST /apps/{app}/config/rollback. ``version``: the one to repeat; none: the one before the newest."""

    version: int | None = None


@dataclass(frozen=True, kw_only=True)
class CopyConfig:
    """POST /apps/{app}/config/copy: set in this app what ``source`` has. ``keys``: only these; none: all.

    ``secrets``: secrets too, which needs the role deploy for ``source``, and not read alone.
    """

    source: str
    keys: list[str] = field(default_factory=list)
    secrets: bool = False


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
    ``updated_at`` in the event that caused this, which shows whether the event is late; default: now.
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
    """POST /apps/{app}/run. ``command``: text for the image's shell, or words; ``terminal``: run it on one.

    ``raw``: the streams, of ``stdout`` and ``stderr``, that are given byte for byte, with the secrets in them. In all
    others secrets are hidden.
    """

    command: str | list[str]
    terminal: Terminal | None = None
    raw: list[str] | None = None


@dataclass(frozen=True, kw_only=True)
class ExecCommand:
    """POST /apps/{app}/exec: as /run, but inside a running instance: ``number`` of ``process``; default: any."""

    command: str | list[str]
    process: str | None = None
    number: int | None = None
    terminal: Terminal | None = None
    raw: list[str] | None = None


@dataclass(frozen=True, kw_only=True)
class OpenTunnel:
    """POST /apps/{app}/tunnel: a connection to a TCP ``port`` inside a running instance, as for /exec.

    What is written to it and read from it goes by the paths below /run.
    """

    port: int
    process: str | None = None
    number: int | None = None


@dataclass(frozen=True, kw_only=True)
class AddDomain:
    """POST /apps/{app}/domains."""

    hostname: str


@dataclass(frozen=True, kw_only=True)
class LinkRepository:
    """POST /apps/{app}/github: workflows of this repository may deploy the app.

    ``branch``: from this branch; ``environment``: and only in a job of this environment. ``previews``: workflows of its
    pull requests may deploy and close the app's previews. ``events``: what may start the workflow, by default push,
    workflow_dispatch, schedule and release; ``workflow``: the file that it must be. ``domains``: hostnames that its
    deploys may claim for the app.

    ``repository_id`` and ``owner_id``: GitHub's numbers of them; without
    both, GitHub is asked.
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
class InviteUser:
    """POST /users. ``app``: the only app they may use. ``email``, ``github``: the account that may sign in as them.

    ``again``: make another link for a user of this name, and change nothing else.
    """

    name: str
    role: Literal["admin", "deploy", "read"] = "read"
    app: str | None = None
    email: str = ""
    github: str = ""
    again: bool = False


@dataclass(frozen=True, kw_only=True)
class SetUserRole:
    """PATCH /users/{user}. ``app``: the only app they may use from now on; None: all."""

    role: Literal["admin", "deploy", "read"]
    app: str | None = None


@dataclass(frozen=True, kw_only=True)
class LogInToRegistry:
    """PUT /registries/{host}. ``password``: or an access token; kept as a secret. ``app``: for this app alone."""

    username: str
    password: str = field(repr=False)
    app: str | None = None


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


@dataclass(frozen=True, kw_only=True)
class SetBackupTarget:
    """PUT /backups/target. ``location``: a directory, ``sftp:USER@HOST:/PATH`` or ``s3:https://HOST/BUCKET``.

    ``keys``: what it asks for (``AWS_ACCESS_KEY_ID``, ``AWS_SECRET_ACCESS_KEY``, ``SSH_PRIVATE_KEY``), and
    ``RESTIC_PASSWORD`` where backups are there already.
    """

    location: str
    keys: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ScheduleBackups:
    """PATCH /backups/target. ``schedule``, ``drills``: five cron fields, or ``none``; null leaves them as they are."""

    schedule: str | None = None
    drills: str | None = None
    time_zone: str | None = None
    keep_daily: int | None = None
    keep_weekly: int | None = None
    keep_monthly: int | None = None


@dataclass(frozen=True, kw_only=True)
class VerifyBackup:
    """POST /backups/verify. ``backup``: its id, empty for the newest one.

    ``accept_smaller``: it may have much less in it than the last one that was proven.
    """

    backup: str = ""
    accept_smaller: bool = False


@dataclass(frozen=True, kw_only=True)
class RestoreBackup:
    """POST /backups/restore, and /backups/restore/plan. ``backup``: its id, empty for the newest one.

    ``app``: whose volumes; or ``service``: which service. ``to``: another app that gets the volumes, or another
    service, made if it is not there. ``volumes``: only these. ``replace``: what is there goes to the trash.
    """

    app: str = ""
    service: str = ""
    backup: str = ""
    to: str = ""
    volumes: list[str] = field(default_factory=list)
    replace: bool = False


@dataclass(frozen=True, kw_only=True)
class CreateService:
    """POST /services: a container that is kept, not released.

    ``kind``: what pvdify knows how to run; or ``image``, with the ``port`` where it listens and the ``volume`` path
    that is kept. ``environment``: more variables; ``{password}`` in one stands for the password that pvdify makes.
    ``memory`` in bytes. ``url``: the shape of the URL that apps get, with ``{user}``, ``{password}``, ``{database}``,
    ``{host}`` and ``{port}``.
    """

    name: str
    kind: str | None = None
    image: str | None = None
    port: int | None = None
    volume: str | None = None
    environment: dict[str, str] = field(default_factory=dict, repr=False)
    memory: int | None = None
    url: str | None = None


@dataclass(frozen=True, kw_only=True)
class UpgradeService:
    """POST /services/{service}/upgrade."""

    image: str


@dataclass(frozen=True, kw_only=True)
class LinkService:
    """PUT /services/{service}/links/{app}. ``variable``: what the URL is called there; default: the kind's usual."""

    variable: str | None = None


@dataclass(frozen=True, kw_only=True)
class ConnectService:
    """POST /services/{service}/connect: run its client, or a ``command``, in its container; followed as one of /run."""

    command: str | list[str] | None = None
    terminal: Terminal | None = None
    raw: list[str] | None = None
