"""Grants: hostnames and registries that an app may use. A grant needs a token for the whole server."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum


class GrantKind(Enum):
    """HOSTNAME: the app may use this hostname. REGISTRY: its images may come from this local host."""

    HOSTNAME = "hostname"
    REGISTRY = "registry"


@dataclass(frozen=True, kw_only=True)
class Grant:
    """One grant. The app need not exist."""

    app: str
    kind: GrantKind
    name: str
    created_at: datetime
    created_by: str
