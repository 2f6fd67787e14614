"""Response types about processes and the operations that change them."""

from dataclasses import dataclass, field
from datetime import datetime

from pvdify.wire.answers.problem import Failure


@dataclass(frozen=True, kw_only=True)
class Instance:
    """One running copy of the app.

    ``state``: ``running starting exited``; ``slot``: ``live candidate standby draining``. ``host`` and ``port``: the
    address that gets requests, null for a process without a route. A ``host`` with a slash is the path of a Unix
    socket.

    ``memory`` in bytes and ``cpu`` in CPUs: current use, null unless it runs; ``memory_limit`` and ``cpu_limit``: the
    limits (``cpu_limit`` null: none). ``last_exit``: how the instance ended before its last restart. ``problem``: why
    it cannot be started.
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

    ``count``: the number of instances wanted now; ``declared``: the number in the manifest. ``affinity``: ``cookie`` if
    a cookie keeps each visitor at one instance; else null.
    """

    name: str
    command: str | list[str] | None
    count: int
    declared: int
    instances: list[Instance]
    affinity: str | None = None


@dataclass(frozen=True, kw_only=True)
class Processes:
    """GET /apps/{app}/processes: the app's process types, and its status as in ``App``."""

    processes: list[Process]
    status: str = ""
    status_cause: str = ""
    status_since: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class OperationStep:
    """A finished step: its text and its duration in seconds."""

    name: str
    text: str
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Operation:
    """A change of processes. ``kind``: ``scale`` or ``restart``; ``text``: the requested change.

    ``state``: ``queued running undoing``, then ``succeeded failed canceled needs-attention``; ``steps``: the finished
    ones.
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
    """A started one-off command, in a container of this release."""

    id: str
    app: str
    release: int


@dataclass(frozen=True, kw_only=True)
class OneOffEnd:
    """The last event of a one-off command's output.

    ``secrets``: names of the secrets that appeared in raw output, ``secret_count`` times in all.
    """

    exit_code: int
    secrets: list[str] = field(default_factory=list)
    secret_count: int = 0
