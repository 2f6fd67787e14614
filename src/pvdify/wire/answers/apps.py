"""What one gets back about an app and the hostnames it answers to."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, kw_only=True)
class ProcessType:
    """One process type of an app as its live release declares it. ``memory`` in bytes, ``cpu`` in CPUs."""

    command: str | list[str] | None
    count: int
    memory: int
    cpu: float | None


@dataclass(frozen=True, kw_only=True)
class App:
    """An app.

    ``status``: ``deploying live degraded crashing down stopped maintenance held new``. ``status_cause``: why, in a few
    words, or "". ``status_since``: since when.
    """

    name: str
    environment: str
    status: str
    status_cause: str = ""
    status_since: datetime | None = None
    image: str | None
    release: int | None
    url: str | None
    processes: dict[str, ProcessType]
    resources: dict[str, Any]
    healthcheck: dict[str, Any]
    domains: list[str]
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, kw_only=True)
class DomainGrant:
    """A hostname that an app may claim besides its own; see ``pvdify domains:grant``."""

    app: str
    hostname: str
    created_at: datetime
    created_by: str


@dataclass(frozen=True, kw_only=True)
class AppStatus:
    """How one app is doing, as in ``App``."""

    app: str
    status: str
    status_cause: str = ""
    status_since: datetime | None = None


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
class DestroyedApp:
    """An app on its way out. ``trash_seconds``: how long its volumes can be restored then, 0 if they are not kept."""

    name: str
    status: str = "destroying"
    trash_seconds: float = 0.0
