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
class SignInLink:
    """POST /sign-in-links: signs one browser in, once. ``path``: below this server's address; ``url``: the whole link.

    ``name``: as whom.
    """

    path: str
    url: str
    name: str
    expires_at: datetime


@dataclass(frozen=True, kw_only=True)
class User:
    """A person who may use the dashboard. ``app``: the only app they may use.

    ``email``, ``github``: the account that may sign in as them; ``is_invited``: their link has not been used yet.
    """

    id: str
    name: str
    role: str
    app: str | None
    email: str
    github: str
    is_invited: bool
    created_at: datetime
    created_by: str
    last_seen_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class InvitedUser:
    """POST /users: the only time the link is shown. ``path``: below this server's address; ``url``: the whole link."""

    user: User
    path: str
    url: str
    expires_at: datetime


@dataclass(frozen=True, kw_only=True)
class Session:
    """A browser that is signed in. ``way``: link, invitation, openid or passkey."""

    id: str
    name: str
    way: str
    address: str
    agent: str
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime


@dataclass(frozen=True, kw_only=True)
class Registry:
    """A registry that the server signs in to, without the password. ``app``: for whom; None for every app."""

    host: str
    username: str
    app: str | None
    created_at: datetime
    created_by: str


@dataclass(frozen=True, kw_only=True)
class Identity:
    """GET /whoami."""

    name: str
    role: str
    app: str | None
