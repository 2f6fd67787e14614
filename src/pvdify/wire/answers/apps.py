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
    """An app. ``status``: ``new`` (never deployed), ``live``, ``deploying``, ``stopped`` or ``maintenance``."""

    name: str
    environment: str
    status: str
    image: str | None
    release: int | None
    url: str
    processes: dict[str, ProcessType]
    resources: dict[str, Any]
    healthcheck: dict[str, Any]
    domains: list[str]
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, kw_only=True)
class Domain:
    """A hostname of an app. ``readable``: the same with its own script (``bücher.example``).

    ``origin``: ``app`` (its own address on this server), ``manifest`` (of the live release) or ``added`` (by hand).
    """

    hostname: str
    readable: str
    origin: str
    url: str
