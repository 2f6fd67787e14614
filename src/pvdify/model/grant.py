"""Grants: what an app may use beyond its own name, by the word of a person whose token is for the whole server."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum


class GrantKind(Enum):
    """HOSTNAME: the app may answer to it. REGISTRY: its images may come from this host though it is local."""

    HOSTNAME = "hostname"
    REGISTRY = "registry"


@dataclass(frozen=True, kw_only=True)
class Grant:
    """One grant. The app need not exist yet."""

    app: str
    kind: GrantKind
    name: str
    created_at: datetime
    created_by: str
