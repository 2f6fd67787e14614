"""Instances: one running copy of a process, as wanted and as found."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from pvdify.manifest.parts import STOP_TIMEOUT
from pvdify.model.endpoint import NO_ROUTE, Endpoint, Exposed, NoRoute
from pvdify.model.private_network import PrivateNetwork
from pvdify.model.volume import Mount


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
    JOB = "job"
    SERVICE = "service"

    @property
    def is_kept_running(self) -> bool:
        """Whether its container is started again when it ends; the others run once."""
        return self in (Role.INSTANCE, Role.SERVICE)


@dataclass(frozen=True, kw_only=True)
class InstanceSpec:
    """Everything that decides how a container is made; equal specs make equal containers.

    ``slot`` is the release that started it. ``command`` is a string for the image's shell, a tuple to execute, or
    None for the image's own. ``exposed``: how requests reach it. ``networks``: those that the container is on besides
    its app's own; a service has its address there, an app the service's hostname. ``capabilities``: Linux capabilities
    besides the usual ones. ``operation`` is the id of the work that made it. ``has_init``: whether an init program runs
    as process 1, unless the image brings one.
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
    exposed: Exposed | NoRoute = NO_ROUTE
    mounts: tuple[Mount, ...] = ()
    networks: tuple[PrivateNetwork, ...] = ()
    limits: Limits
    stop_timeout: float = STOP_TIMEOUT
    capabilities: tuple[str, ...] = ()
    has_init: bool = True


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
    """A container of ours as found on the host.

    ``is_restarting``: it has exited, and its supervisor starts it again by itself. ``pid`` is its main process.
    ``is_of_earlier_boot``: it was down when the host booted, and has not been started since.
    """

    name: str
    app: str
    process: str
    slot: int
    number: int
    role: Role
    operation: str
    state: InstanceState
    endpoint: Endpoint | NoRoute = NO_ROUTE
    exit: Exit | None = None
    started_at: datetime | None = None
    restarts: int = 0
    is_restarting: bool = False
    is_of_earlier_boot: bool = False
    pid: int | None = None


def newest_of_each(found: Iterable[FoundInstance]) -> tuple[FoundInstance, ...]:
    """One for each place of a slot, like web.1: while an instance is restarted, the one that started last."""
    ordered = sorted(found, key=lambda it: it.started_at.timestamp() if it.started_at else 0.0)
    newest = {(it.app, it.process, it.slot, it.number): it for it in ordered}
    return tuple(sorted(newest.values(), key=lambda it: it.name))


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

    def __str__(self) -> str:
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"

    @property
    def is_loopback_only(self) -> bool:
        """Reachable from inside the container alone."""
        return self.address.startswith("127.") or self.address == "::1"


@dataclass(frozen=True, kw_only=True)
class LogLine:
    """One line that an instance wrote. ``stream`` is ``stdout`` or ``stderr``.

    ``is_part``: it goes on in the next line of the same instance and stream, being long or not yet written to its end.
    """

    at: datetime
    instance: str
    stream: str
    text: str
    is_part: bool = False
