"""Types of request bodies."""

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
    """PATCH /apps/{app}. ``maintenance``: whether visitors get a 503 page."""

    maintenance: bool


@dataclass(frozen=True, kw_only=True)
class RenameApp:
    """POST /apps/{app}/rename. ``keep_hostname``: the app also keeps the hostname of its old name."""

    name: str
    keep_hostname: bool = False


@dataclass(frozen=True, kw_only=True)
class PauseApp:
    """POST /apps/{app}/pause.

    ``seconds``: the longest time for which new requests are held, unless the app is resumed.
    """

    seconds: float = 30.0


@dataclass(frozen=True, kw_only=True)
class RevealConfig:
    """POST /apps/{app}/config/reveal."""

    keys: list[str]


@dataclass(frozen=True, kw_only=True)
class ImportConfig:
    """POST /apps/{app}/config/import. ``content``: the text of a SOPS file; ``plain``: names that are not secret.

    Values that are encrypted in the file become secrets, unless they are plain values of the app already.
    """

    content: str
    format: Literal["yaml", "json", "dotenv"] = "yaml"
    plain: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class RollBackConfig:
    """POST /apps/{app}/config/rollback. ``version``: the version to repeat; null: the one before the newest."""

    version: int | None = None


@dataclass(frozen=True, kw_only=True)
class CopyConfig:
    """POST /apps/{app}/config/copy: copy config vars from ``source`` to this app. ``keys``: only these; empty: all.

    ``secrets``: copy secrets, too. This requires the role deploy for ``source``; without secrets, read is enough.
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
    of a pvdify.yml, or its content as an object; without it the live release's manifest is used. ``commit``, ``branch``
    and ``run_number`` describe the origin of the image. ``strategy``: start beside the live release (default), or after
    it has stopped, which needs less memory but refuses requests meanwhile.
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
class Rollback:
    """POST /apps/{app}/rollback.

    ``version``: the release to repeat; default: the one that was live before. ``strategy``: as for a deploy.
    """

    version: int | None = None
    strategy: Strategy | None = None


@dataclass(frozen=True, kw_only=True)
class RestartProcesses:
    """POST /apps/{app}/processes/restart. ``process``: restart only this process type; default: all."""

    process: str | None = None


@dataclass(frozen=True, kw_only=True)
class Terminal:
    """The size of a terminal, in characters."""

    rows: int
    columns: int


@dataclass(frozen=True, kw_only=True)
class RunCommand:
    """POST /apps/{app}/run.

    ``command``: a text for the image's shell, or a list of words; ``terminal``: run the command on a terminal of this
    size. ``raw``: the streams (``stdout``, ``stderr``) that are sent byte for byte, including secrets. In all other
    streams secrets are redacted.
    """

    command: str | list[str]
    terminal: Terminal | None = None
    raw: list[str] | None = None


@dataclass(frozen=True, kw_only=True)
class ExecCommand:
    """POST /apps/{app}/exec: like /run, but inside a running instance: ``number`` of ``process``; default: any."""

    command: str | list[str]
    process: str | None = None
    number: int | None = None
    terminal: Terminal | None = None
    raw: list[str] | None = None


@dataclass(frozen=True, kw_only=True)
class OpenTunnel:
    """POST /apps/{app}/tunnel: connect to a TCP ``port`` inside a running instance, selected as for /exec.

    The paths below /run carry the connection's data.
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


@dataclass(frozen=True, kw_only=True)
class CreateToken:
    """POST /tokens. ``app``: the only app that the token may use. ``expires_in``: seconds; null: never."""

    name: str
    role: Literal["admin", "deploy", "read"] = "deploy"
    app: str | None = None
    expires_in: int | None = None


@dataclass(frozen=True, kw_only=True)
class InviteUser:
    """POST /users. ``app``: the only app that the user may use.

    ``email``, ``github``: accounts that may sign in as this user. ``again``: create another link for an existing user
    of this name, and change nothing else.
    """

    name: str
    role: Literal["admin", "deploy", "read"] = "read"
    app: str | None = None
    email: str = ""
    github: str = ""
    again: bool = False


@dataclass(frozen=True, kw_only=True)
class SetUserRole:
    """PATCH /users/{user}. ``app``: the only app that the user may use from now on; null: all."""

    role: Literal["admin", "deploy", "read"]
    app: str | None = None


@dataclass(frozen=True, kw_only=True)
class LogInToRegistry:
    """PUT /registries/{host}. ``password``: a password or access token, stored as a secret.

    ``app``: use the login for this app only.
    """

    username: str
    password: str = field(repr=False)
    app: str | None = None


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
class ConnectPosthog:
    """PUT /posthog.

    ``personal_key`` and ``project`` (its number): both or none; they add an annotation for each release.
    """

    host: str
    key: str
    personal_key: str | None = None
    project: str | None = None


@dataclass(frozen=True, kw_only=True)
class SetBackupTarget:
    """PUT /backups/target. ``location``: a directory, ``sftp:USER@HOST:/PATH`` or ``s3:https://HOST/BUCKET``.

    ``keys``: the target's credentials (``AWS_ACCESS_KEY_ID``, ``AWS_SECRET_ACCESS_KEY``, ``SSH_PRIVATE_KEY``), and
    ``RESTIC_PASSWORD`` if the target contains backups already.
    """

    location: str
    keys: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ScheduleBackups:
    """PATCH /backups/target. ``schedule``, ``drills``: five cron fields, or ``none``; null: no change."""

    schedule: str | None = None
    drills: str | None = None
    time_zone: str | None = None
    keep_daily: int | None = None
    keep_weekly: int | None = None
    keep_monthly: int | None = None


@dataclass(frozen=True, kw_only=True)
class VerifyBackup:
    """POST /backups/verify. ``backup``: its id; empty: the newest one.

    ``accept_smaller``: accept that it contains much less than the last verified backup.
    """

    backup: str = ""
    accept_smaller: bool = False


@dataclass(frozen=True, kw_only=True)
class RestoreBackup:
    """POST /backups/restore, and /backups/restore/plan. ``backup``: its id; empty: the newest one.

    ``app``: the app whose volumes are restored; or ``service``: the service. ``to``: another app that gets the volumes,
    or another service, which is created if it does not exist. ``volumes``: only these. ``replace``: move existing data
    to the trash.
    """

    app: str = ""
    service: str = ""
    backup: str = ""
    to: str = ""
    volumes: list[str] = field(default_factory=list)
    replace: bool = False


@dataclass(frozen=True, kw_only=True)
class CreateService:
    """POST /services: create a container with data, outside of releases.

    ``kind``: a kind that pvdify knows; or ``image``, with the ``port`` where it listens and the ``volume`` path whose
    data is kept. ``environment``: more variables; ``{password}`` in a value is replaced by the password that pvdify
    creates. ``memory`` in bytes. ``url``: the form of the URL that apps get, with ``{user}``, ``{password}``,
    ``{database}``, ``{host}`` and ``{port}``.
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
    """PUT /services/{service}/links/{app}.

    ``variable``: the name of the config var with the URL; default: the kind's.
    """

    variable: str | None = None


@dataclass(frozen=True, kw_only=True)
class ConnectService:
    """POST /services/{service}/connect: run its client, or a ``command``, in its container.

    Its output and input are those of a command of /run.
    """

    command: str | list[str] | None = None
    terminal: Terminal | None = None
    raw: list[str] | None = None
