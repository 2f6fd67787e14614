"""Response types about apps and their hostnames."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, kw_only=True)
class ProcessType:
    """A process type as the app's live release declares it. ``memory`` in bytes, ``cpu`` in CPUs."""

    command: str | list[str] | None
    count: int
    memory: int
    cpu: float | None


@dataclass(frozen=True, kw_only=True)
class App:
    """An app.

    ``status``: ``deploying live degraded crashing down stopped maintenance held new``. ``status_cause``: the reason in
    a few words, or "". ``status_since``: the start of the status.
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
class AppStatus:
    """The status of one app, as in ``App``."""

    app: str
    status: str
    status_cause: str = ""
    status_since: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class DestroyedApp:
    """An app that is being removed.

    ``trash_seconds``: for how long its volumes can be restored; 0 if they are deleted at once.
    """

    name: str
    status: str = "destroying"
    trash_seconds: float = 0.0
