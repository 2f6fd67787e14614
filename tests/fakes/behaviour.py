"""What a container of FakeSupervisor does once it is started."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pvdify.model.instance import InstanceSpec


@dataclass(frozen=True, kw_only=True)
class Behaviour:
    """The default is a healthy server that stops at once on SIGTERM.

    Attributes:
        refuse: the runtime's words for why it does not start.
        lines: what it writes to stdout as soon as it starts.
        is_last_unended: the last of them has no line break.
        exit_code: what it exits with, ``exit_after`` seconds after it started; None: it keeps running.
        is_out_of_memory: the exit is a kill for its memory limit.
        stop_seconds: how long it takes to exit after SIGTERM; past the grace it is killed (137).
        stop_code: what it exits with after SIGTERM.
        listens_after: seconds until it listens; before, its port refuses.
        listens_on: the address it binds; from another machine's view a loopback address refuses.
        healthy_after: seconds until it answers with ``status``; before, it answers 503.
        status: what it answers to any path without an own entry in ``statuses``.
        location: where its redirect points.
        answers_in: seconds an answer takes.
        hosts: the hostnames it answers to; any other gets ``unknown_host_status``. None named: all.
    """

    refuse: str | None = None
    lines: tuple[str, ...] = ()
    is_last_unended: bool = False
    exit_code: int | None = None
    exit_after: float = 0.0
    is_out_of_memory: bool = False
    stop_seconds: float = 0.0
    stop_code: int = 0
    listens_after: float = 0.0
    listens_on: str = "0.0.0.0"
    listens_port: int | None = None
    healthy_after: float = 0.0
    status: int = 200
    statuses: Mapping[str, int] = field(default_factory=dict)
    location: str | None = None
    answers_in: float = 0.0
    hosts: frozenset[str] = frozenset()
    unknown_host_status: int = 400


@dataclass(kw_only=True)
class Rule:
    """Which containers a behaviour belongs to; the parts that are None match all."""

    behaviour: Behaviour
    name: str | None = None
    app: str | None = None
    process: str | None = None
    slot: int | None = None
    number: int | None = None
    image_id: str | None = None
    command: str | tuple[str, ...] | None = None
    starts_left: int | None = None

    def matches(self, spec: InstanceSpec) -> bool:
        parts = ("name", "app", "process", "slot", "number", "image_id", "command")
        return self.starts_left != 0 and all(
            getattr(self, part) is None or getattr(self, part) == getattr(spec, part) for part in parts
        )

    def use(self) -> Behaviour:
        """Take the behaviour for one start."""
        if self.starts_left is not None:
            self.starts_left -= 1
        return self.behaviour
