"""Instances: one running copy of a process, as wanted and as found."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum


class Secret(str):
    """Text that never shows in a ``repr``, and so in no traceback or log of ours."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "Secret(…)"


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one instance may use: bytes of memory, CPUs (0.5 is half of one), processes and threads."""

    memory: int
    cpu: float | None = None
    pids: int = 2048


class Role(Enum):
    """What a container is for; a label on it."""

    INSTANCE = "instance"
    HOOK = "hook"
    RUN = "run"


@dataclass(frozen=True, kw_only=True)
class InstanceSpec:
    """Everything that decides how a container is made; equal specs make equal containers.

    ``slot`` is the release that started it. ``command`` is a string for the image's shell, a tuple to execute, or
    None for the image's own. ``port`` is inside the container, ``host_port`` on loopback; both None for a process
    without a route. ``operation`` is the id of the work that made it.
    """

    name: str
    app: str
    process: str
    slot: int
    number: int
    role: Role = Role.INSTANCE
    operation: str = ""
    image_id: str
    command: str | tuple[str, ...] | None = None
    environment: Mapping[str, Secret] = field(default_factory=dict)
    port: int | None = None
    host_port: int | None = None
    limits: Limits
    stop_timeout: float = 10.0


class InstanceState(Enum):
    """What the runtime says of a container."""

    CREATED = "created"
    RUNNING = "running"
    EXITED = "exited"


@dataclass(frozen=True, kw_only=True)
class Exit:
    """How a container ended. ``is_out_of_memory`` where the kernel killed it for its memory limit."""

    code: int
    is_out_of_memory: bool = False

    def __str__(self) -> str:
        if self.is_out_of_memory:
            return "was killed: it used more memory than its limit"
        return f"exited with code {self.code}"


@dataclass(frozen=True, kw_only=True)
class FoundInstance:
    """A container of ours as found on the host, whoever started it and whenever.

    ``is_restarting``: it has exited, and its supervisor starts it again by itself. ``pid`` is its main process.
    """

    name: str
    app: str
    process: str
    slot: int
    number: int
    role: Role
    operation: str
    state: InstanceState
    host_port: int | None = None
    exit: Exit | None = None
    started_at: datetime | None = None
    restarts: int = 0
    is_restarting: bool = False
    pid: int | None = None


@dataclass(frozen=True, kw_only=True)
class Usage:
    """What an instance uses: bytes of memory now, and seconds of CPU since it was started."""

    memory: int
    cpu_seconds: float


@dataclass(frozen=True, kw_only=True)
class Restart:
    """An exit of an instance that its supervisor answered with a start, while we looked or while we did not."""

    name: str
    at: datetime
    exit: Exit


@dataclass(frozen=True, kw_only=True)
class Listener:
    """A TCP socket that listens inside an instance."""

    address: str
    port: int

    @property
    def is_loopback_only(self) -> bool:
        """Reachable from inside the container alone."""
        return self.address.startswith("127.") or self.address == "::1"


@dataclass(frozen=True, kw_only=True)
class LogLine:
    """One line that an instance wrote. ``stream`` is ``stdout`` or ``stderr``."""

    at: datetime
    instance: str
    stream: str
    text: str
