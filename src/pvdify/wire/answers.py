"""What one gets back."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pvdify.wire.differences import Difference
from pvdify.wire.disk import AppDisk


@dataclass(frozen=True, kw_only=True)
class Health:
    """GET /health."""

    status: str
    version: str


@dataclass(frozen=True, kw_only=True)
class ProcessType:
    """One process type of an app as its live release declares it. ``memory`` in bytes, ``cpu`` in CPUs."""

    command: str | list[str] | None
    count: int
    memory: int
    cpu: float | None


@dataclass(frozen=True, kw_only=True)
class App:
    """An app. ``status``: ``new`` (never deployed), ``live``, ``deploying``, ``stopped`` or ``maintenance``."""

    name: str
    environment: str
    status: str
    image: str | None
    release: int | None
    url: str
    processes: dict[str, ProcessType]
    resources: dict[str, Any]
    healthcheck: dict[str, Any]
    domains: list[str]
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Why a release failed, or what went wrong after it became live: the same four facts as every error."""

    code: str
    what: str
    why: str
    next: str


@dataclass(frozen=True, kw_only=True)
class Requests:
    """Requests of the app during a switch, as the router counted them.

    ``served``: all that reached the old or the new release from the switch until the old one had drained. ``failed``:
    5xx the router made up because nothing answered. ``app_errors``: 5xx from the app itself. ``cut``: still in flight
    when the old release was stopped at its drain deadline. ``is_final``: the old release has drained.
    """

    served: int
    failed: int
    app_errors: int
    cut: int
    is_final: bool


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """What a switch did. ``steps``: milliseconds per step, in order; ``seconds``: all of them together."""

    requests: Requests | None
    steps: dict[str, float]
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Release:
    """A release. ``status``: ``pending deploying active superseded failed canceled``.

    ``previous``: the release that was live before it, which a rollback without a number repeats.
    """

    app: str
    version: int
    image: str
    digest: str | None
    config_version: int
    status: str
    created_at: datetime
    created_by: str
    description: str
    commit: str | None
    branch: str | None
    run_number: int | None
    failure: Failure | None
    receipt: Receipt | None
    url: str
    can_roll_back: bool
    previous: int | None = None


@dataclass(frozen=True, kw_only=True)
class RollbackPlan:
    """GET /apps/{app}/rollback: what a rollback would do.

    ``current``: what is live now; ``target``: what would be repeated; ``is_warm``: the target's instances are
    still started, so that the rollback is a switch and nothing else; ``changes``: what the target has otherwise.
    """

    current: Release | None
    target: Release
    is_warm: bool
    changes: list[Difference] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class LogEntry:
    """An entry of a deploy log. ``kind``: ``step-started step-done step-failed output note``."""

    at: datetime
    kind: str
    step: str
    text: str
    seconds: float | None


@dataclass(frozen=True, kw_only=True)
class ConfigVar:
    """A config var as it may be shown: ``{"value": …}`` or ``{"secret": true}``."""

    value: str | None = None
    secret: bool = False


@dataclass(frozen=True, kw_only=True)
class Config:
    """An app's config. ``live_version``: what the live release runs with.

    GET and PATCH /apps/{app}/config answer with ``vars`` alone; the versions are in the headers ``X-Config-Version``
    and ``X-Live-Config-Version``.
    """

    version: int
    live_version: int | None
    vars: dict[str, ConfigVar]


@dataclass(frozen=True, kw_only=True)
class ConfigVersion:
    """One change of the config: the names, never the values."""

    version: int
    created_at: datetime
    created_by: str
    set: list[str]
    unset: list[str]


@dataclass(frozen=True, kw_only=True)
class ConfigFile:
    """A config version as it is at rest: the text of a SOPS file."""

    version: int
    content: str


@dataclass(frozen=True, kw_only=True)
class ImportedConfig:
    """What an imported file changed; without any change the version is the one that there was."""

    version: int
    live_version: int | None
    set: list[str]
    unset: list[str]


@dataclass(frozen=True, kw_only=True)
class Recipient:
    """Somebody who can open the config files; ``key`` is the public one."""

    name: str
    key: str


@dataclass(frozen=True, kw_only=True)
class Reencrypted:
    """The config files were encrypted anew: how many there are, and who opens them now, the server itself first."""

    files: int
    recipients: list[Recipient]


@dataclass(frozen=True, kw_only=True)
class Instance:
    """One running copy. ``state``: ``running starting exited``; ``slot``: ``live candidate standby draining``.

    ``memory`` in bytes and ``cpu`` in CPUs: in use now, null unless it runs, beside their limits (``cpu_limit`` null:
    none). ``last_exit``: how it ended before it was last restarted.
    """

    name: str
    process: str
    number: int
    release: int
    slot: str
    state: str
    port: int | None
    restarts: int
    started_at: datetime | None
    exit: str | None
    memory: int | None = None
    memory_limit: int | None = None
    cpu: float | None = None
    cpu_limit: float | None = None
    last_exit: str | None = None


@dataclass(frozen=True, kw_only=True)
class Process:
    """A process type with its instances. ``count``: how many there should be now; ``declared``: in the manifest."""

    name: str
    command: str | list[str] | None
    count: int
    declared: int
    instances: list[Instance]


@dataclass(frozen=True, kw_only=True)
class OperationStep:
    """A step that is done: what it told, and how many seconds it took."""

    name: str
    text: str
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Operation:
    """A change of what runs. ``kind``: ``scale`` or ``restart``; ``text``: what was asked for.

    ``state``: ``queued running undoing``, then ``succeeded failed canceled needs-attention``; ``steps``: those that
    are done.
    """

    id: str
    app: str
    kind: str
    text: str
    state: str
    created_at: datetime
    created_by: str
    finished_at: datetime | None
    steps: list[OperationStep]
    failure: Failure | None


@dataclass(frozen=True, kw_only=True)
class OneOff:
    """A one-off command under way, in a container of this release."""

    id: str
    app: str
    release: int


@dataclass(frozen=True, kw_only=True)
class OneOffEnd:
    """The last event of a one-off command's output."""

    exit_code: int


@dataclass(frozen=True, kw_only=True)
class Domain:
    """A hostname of an app. ``readable``: the same with its own script (``bücher.example``).

    ``origin``: ``app`` (its own address on this server), ``manifest`` (of the live release) or ``added`` (by hand).
    """

    hostname: str
    readable: str
    origin: str
    url: str


@dataclass(frozen=True, kw_only=True)
class Visit:
    """A request as the router saw it end. ``app`` is null when the router answered itself.

    ``release``: the one that started the instance; ``wait``: seconds until the answer began, ``seconds``: in all.
    ``ended``: HAProxy's letters for who ended it and when.
    """

    at: datetime
    request_id: str
    client: str
    protocol: str
    method: str
    host: str
    path: str
    status: int
    seconds: float
    wait: float
    bytes_in: int
    bytes_out: int
    app: str | None
    release: int | None
    instance: int | None
    retries: int
    ended: str
    agent: str


@dataclass(frozen=True, kw_only=True)
class Preview:
    """A preview. ``app`` is its parent, ``name`` the app that it is. ``status``: ``open``, ``closed`` or ``ending``.

    ``ends_at``: when it goes unless a sign of its pull request comes before. ``release`` is the newest one, whatever
    has become of it.
    """

    app: str
    pr: int
    name: str
    url: str
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
    created_at: datetime
    created_by: str


@dataclass(frozen=True, kw_only=True)
class Heard:
    """POST /webhooks/github. ``outcome``: ``heard``, ``replayed`` (it came before) or ``ignored`` (about nothing here).

    ``previews``: the previews that it was about.
    """

    outcome: str
    previews: list[str]


@dataclass(frozen=True, kw_only=True)
class Token:
    """A token without its secret. ``app``: the only app it is good for."""

    id: str
    name: str
    role: str
    app: str | None
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    last_used_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class NewToken:
    """POST /tokens: the only time the token itself is shown."""

    token: str
    id: str
    name: str
    role: str
    app: str | None
    created_at: datetime
    expires_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class Registry:
    """A registry that the server signs in to, without the password."""

    host: str
    username: str
    created_at: datetime
    created_by: str


@dataclass(frozen=True, kw_only=True)
class Identity:
    """GET /whoami."""

    name: str
    role: str
    app: str | None


@dataclass(frozen=True, kw_only=True)
class Event:
    """Who did what, when."""

    id: int
    at: datetime
    actor: str
    action: str
    app: str | None
    release: int | None
    text: str


@dataclass(frozen=True, kw_only=True)
class Notification:
    """Who is told of which events. ``address`` is as much of the URL as may be shown.

    ``secret``: the key that a program checks signatures by, in the answer to POST only; null for chat rooms.
    """

    id: str
    channel: str
    app: str | None
    events: list[str]
    address: str
    created_at: datetime
    created_by: str
    secret: str | None = None


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """An event on its way to somebody. ``state``: ``pending delivered failed``; ``event``: its number, 0 for a test.

    ``status`` and ``error``: how the last try ended; ``due_at``: when the next one is, if one is to come.
    """

    id: str
    notification: str
    event: int
    action: str
    app: str | None
    release: int | None
    state: str
    attempts: int
    created_at: datetime
    due_at: datetime | None
    ended_at: datetime | None
    status: int | None
    error: str


@dataclass(frozen=True, kw_only=True)
class Posthog:
    """The server's connection to PostHog. ``key`` is the project's, which is no secret; ``annotates``: its number."""

    is_connected: bool
    host: str | None
    key: str | None
    annotates: str | None


@dataclass(frozen=True, kw_only=True)
class EdgeProblem:
    """A hostname that does not lead here."""

    hostname: str
    what: str
    next: str


@dataclass(frozen=True, kw_only=True)
class Edge:
    """What leads visitors here. ``kind``: ``none`` (a proxy of your own) or ``cloudflare``.

    ``health`` is Cloudflare's word for the tunnel: ``healthy degraded down inactive``. ``failure``: why the last look
    did not come to its end; it is tried again.
    """

    kind: str
    tunnel: str | None
    health: str | None
    process: str
    hostnames: list[str]
    problems: list[EdgeProblem]
    failure: Failure | None


@dataclass(frozen=True, kw_only=True)
class Check:
    """One line of a server's state. ``state``: ``ok``, ``warning`` or ``broken``; ``next``: what mends it."""

    name: str
    state: str
    text: str
    next: str = ""


@dataclass(frozen=True, kw_only=True)
class Status:
    """GET /status: the server at a glance."""

    version: str
    base_domain: str
    router_listen: str
    apps: int
    running_operations: int
    checks: list[Check]
    disk: list[AppDisk] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Every error: application/problem+json."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    why: str
    next: str
    request_id: str
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class LogLine:
    """A line that an instance wrote; ``stream`` is ``stdout`` or ``stderr``."""

    at: datetime
    process: str
    number: int
    release: int
    stream: str
    text: str
