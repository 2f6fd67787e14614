"""Response types about tokens, users, sessions and logins to registries."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class Token:
    """A token without its secret. ``app``: the only app that the token may use; null for all."""

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
    """POST /tokens. The only answer that contains the token itself."""

    token: str
    id: str
    name: str
    role: str
    app: str | None
    created_at: datetime
    expires_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class SignInLink:
    """POST /sign-in-links: a link that signs one browser in, once.

    ``path``: below this server's address; ``url``: the whole link; ``name``: the user that the browser is signed in as.
    """

    path: str
    url: str
    name: str
    expires_at: datetime


@dataclass(frozen=True, kw_only=True)
class User:
    """A user of the dashboard. ``app``: the only app that the user may use; null for all.

    ``email``, ``github``: the accounts that may sign in as this user. ``is_invited``: the invitation is not used yet.
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
    """POST /users. The only answer that contains the link.

    ``path``: below this server's address; ``url``: the whole link.
    """

    user: User
    path: str
    url: str
    expires_at: datetime


@dataclass(frozen=True, kw_only=True)
class Session:
    """A signed-in browser. ``way``: ``link``, ``invitation``, ``openid`` or ``passkey``."""

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
    """A registry that the server logs in to, without the password. ``app``: the only app; null for every app."""

    host: str
    username: str
    app: str | None
    created_at: datetime
    created_by: str


@dataclass(frozen=True, kw_only=True)
class Identity:
    """GET /whoami: the name and rights of the token."""

    name: str
    role: str
    app: str | None
