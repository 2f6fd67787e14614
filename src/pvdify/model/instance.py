"""Instances: running copies of a process, as desired and as found."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from pvdify.manifest.parts import STOP_TIMEOUT
from pvdify.model.endpoint import NO_ROUTE, Endpoint, Exposed, NoRoute
from pvdify.model.private_network import PrivateNetwork
from pvdify.model.volume import Mount


class Secret(str):
    """Text whose ``repr`` hides it, to keep it out of tracebacks and logs."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "Secret(…)"


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The limits of one instance: bytes of memory, CPUs (0.5 is half a CPU), processes and threads."""

    memory: int
    cpu: float | None = None
    pids: int = 2048


class Role(Enum):
    """The purpose of a container; stored as a label on it."""

    INSTANCE = "instance"
    HOOK = "hook"
    RUN = "run"
    JOB = "job"
    SERVICE = "service"

    @property
    def is_kept_running(self) -> bool:
        """Whether the container is restarted when it exits; containers of other roles run once."""
        return self in (Role.INSTANCE, Role.SERVICE)


@dataclass(frozen=True, kw_only=True)
class InstanceSpec:
    """The full description of a container; equal specs make equal containers.

    ``slot`` is the release that started it. ``command`` is a string for the image's shell, a tuple to execute, or None
    for the image's own. ``exposed``: how requests reach it. ``networks``: the container's networks besides its app's
    own; a service has its address there, an app the service's hostname. ``capabilities``: Linux capabilities besides
    the default ones. ``operation`` is the id of the operation that made it. ``has_init``: whether an init program runs
    as process 1, unless the image has one. ``runtime``: the container runtime that starts it; "" for the server's.
    ``ports``: those of a service, for networks that pass on only named ports.
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
    runtime: str = ""
    ports: tuple[int, ...] = ()


class InstanceState(Enum):
    """The state of a container as the runtime reports it."""

    CREATED = "created"
    RUNNING = "running"
    EXITED = "exited"


@dataclass(frozen=True, kw_only=True)
class Exit:
    """The end of a container. ``is_out_of_memory``: the kernel killed it because of its memory limit."""

    code: int
    is_out_of_memory: bool = False

    def __str__(self) -> str:
        if self.is_out_of_memory:
            return "was killed: it used more memory than its limit"
        return f"exited with code {self.code}"


@dataclass(frozen=True, kw_only=True)
class FoundInstance:
    """A container of this server as found on the host.

    ``is_restarting``: it has exited, and its supervisor restarts it. ``pid`` is its main process.
    ``is_of_earlier_boot``: it was down when the host booted, and has not been started since. ``runtime``: the container
    runtime that it was found on; "" if the server has only one.
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
    runtime: str = ""


def newest_of_each(found: Iterable[FoundInstance]) -> tuple[FoundInstance, ...]:
    """Return the newest container of each place, such as web.1; during a restart a place has two."""
    ordered = sorted(found, key=lambda it: it.started_at.timestamp() if it.started_at else 0.0)
    newest = {(it.app, it.process, it.slot, it.number): it for it in ordered}
    return tuple(sorted(newest.values(), key=lambda it: it.name))


@dataclass(frozen=True, kw_only=True)
class Usage:
    """The resource use of an instance: bytes of memory now, seconds of CPU since its start."""

    memory: int
    cpu_seconds: float


@dataclass(frozen=True, kw_only=True)
class Restart:
    """An exit of an instance after which its supervisor restarted it, including while pvdifyd was stopped.

    ``moved``: how a cluster has replaced it, such as "was moved from n1 to n2"; "" if it was started again in place.
    """

    name: str
    at: datetime
    exit: Exit
    moved: str = ""


@dataclass(frozen=True, kw_only=True)
class Listener:
    """A listening TCP socket inside an instance."""

    address: str
    port: int

    def __str__(self) -> str:
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"

    @property
    def is_loopback_only(self) -> bool:
        """Whether the socket is reachable only from inside the container."""
        return self.address.startswith("127.") or self.address == "::1"


@dataclass(frozen=True, kw_only=True)
class LogLine:
    """One line of an instance's output. ``stream`` is ``stdout`` or ``stderr``.

    ``is_part``: the line continues in the next line of the same instance and stream; it is long or not finished yet.
    """

    at: datetime
    instance: str
    stream: str
    text: str
    is_part: bool = False
