"""Response types about the server itself."""

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
    """One line of the server's state.

    ``state``: ``ok``, ``warning`` or ``broken``; ``next``: the command that repairs a problem.
    """

    name: str
    state: str
    text: str
    next: str = ""


@dataclass(frozen=True, kw_only=True)
class Status:
    """GET /status: a summary of the server's state."""

    version: str
    base_domain: str
    router_listen: str
    apps: int
    running_operations: int
    checks: list[Check]
    disk: list[AppDisk] = field(default_factory=list)
    app_statuses: list[AppStatus] = field(default_factory=list)
