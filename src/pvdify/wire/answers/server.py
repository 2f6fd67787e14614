"""What one gets back about the server itself."""

from dataclasses import dataclass, field

from pvdify.wire.answers.apps import AppStatus
from pvdify.wire.disk import AppDisk


@dataclass(frozen=True, kw_only=True)
class Health:
    """GET /health."""

    status: str
    version: str


@dataclass(frozen=True, kw_only=True)
class Check:
    """One line of a server's state. ``state``: ``ok``, ``warning`` or ``broken``; ``next``: what repairs it."""

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
    app_statuses: list[AppStatus] = field(default_factory=list)
