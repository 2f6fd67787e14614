"""What one gets back about who may do what, here and at registries."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class Token:
    """A token without its secret. ``app``: the only app it is good for."""

    id: str
    name: str
    role: str
    app: str | None
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    last_used_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class NewToken:
    """POST /tokens: the only time the token itself is shown."""

    token: str
    id: str
    name: str
    role: str
    app: str | None
    created_at: datetime
    expires_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class Registry:
    """A registry that the server signs in to, without the password."""

    host: str
    username: str
    created_at: datetime
    created_by: str


@dataclass(frozen=True, kw_only=True)
class Identity:
    """GET /whoami."""

    name: str
    role: str
    app: str | None
