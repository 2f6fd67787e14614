"""What one gets back about what runs, and about operations that change it."""

from dataclasses import dataclass, field
from datetime import datetime

from pvdify.wire.answers.problem import Failure


@dataclass(frozen=True, kw_only=True)
class Instance:
    """One running copy. ``state``: ``running starting exited``; ``slot``: ``live candidate standby draining``.

    ``host`` and ``port``: where requests reach it; null for a process without a route. A ``host`` with a slash is the
    path of a Unix socket.

    ``memory`` in bytes and ``cpu`` in CPUs: in use now, null unless it runs, beside their limits (``cpu_limit`` null:
    none). ``last_exit``: how it ended before it was last restarted. ``problem``: why it cannot be started.
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
    problem: str | None = None
    host: str | None = None


@dataclass(frozen=True, kw_only=True)
class Process:
    """A process type with its instances.

    ``count``: how many there should be now; ``declared``: in the manifest. ``affinity``: what keeps a visitor at one
    instance (``cookie``); null: nothing.
    """

    name: str
    command: str | list[str] | None
    count: int
    declared: int
    instances: list[Instance]
    affinity: str | None = None


@dataclass(frozen=True, kw_only=True)
class Processes:
    """GET /apps/{app}/processes: the process types of an app, and how the app is doing (see ``App``)."""

    processes: list[Process]
    status: str = ""
    status_cause: str = ""
    status_since: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class OperationStep:
    """A step that is done: its text, and how many seconds it took."""

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
    """The last event of a one-off command's output.

    ``secrets``: the names of those that stood in what was given byte for byte, ``secret_count`` times in all.
    """

    exit_code: int
    secrets: list[str] = field(default_factory=list)
    secret_count: int = 0
