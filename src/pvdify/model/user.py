"""Users of the dashboard, their rights and their sessions."""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from pvdify.model.token import Actor, Role

LONGEST_NAME = 80  # characters
RESERVED = frozenset({"root", "pvdify", "nobody", ".", ".."})  # they have other meanings in events or in paths
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,190}")
_GITHUB = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})")


@dataclass(frozen=True, kw_only=True)
class User:
    """An invited user. ``app``: the only app they may use, None for all.

    ``email``, ``github``: the account at a provider that may sign in as this user the first time; "" for none. From
    then on ``issuer`` and ``subject`` identify the user; the provider never reuses them. ``invitation``: the hash of
    the invitation's secret until it is used.
    """

    id: str
    name: str
    role: Role
    app: str | None = None
    email: str = ""
    github: str = ""
    issuer: str = ""
    subject: str = ""
    invitation: str = ""
    invited_until: datetime | None = None
    created_at: datetime
    created_by: str
    last_seen_at: datetime | None = None
    removed_at: datetime | None = None

    @property
    def actor(self) -> Actor:
        """The actor with this user's current rights."""
        return Actor(name=self.name, role=self.role, app=self.app, token=f"user:{self.id}")


class HolderKind(Enum):
    """The kinds of holders. A session's rights are those of its holder."""

    USER = "user"
    TOKEN = "token"  # noqa: S105 - a word
    ROOT = "root"


@dataclass(frozen=True, kw_only=True)
class Holder:
    """The owner of a session: a user or a token by its id, or root on this server."""

    kind: HolderKind
    id: str
    name: str


@dataclass(frozen=True, kw_only=True)
class Session:
    """A signed-in browser. ``digest``: the hash of its cookie; ``way``: the method of the sign-in."""

    id: str
    digest: str
    kind: HolderKind
    holder: str
    name: str
    way: str
    address: str = ""
    agent: str = ""
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None


def is_name(text: str) -> bool:
    """Return whether a user can have this name, which appears in lists, events and paths."""
    return 1 <= len(text) <= LONGEST_NAME and text.isprintable() and "/" not in text and text.lower() not in RESERVED


def is_email(text: str) -> bool:
    """Return whether this has the form of an email address."""
    return _EMAIL.fullmatch(text) is not None


def is_github_login(text: str) -> bool:
    """Return whether this can be a GitHub login."""
    return _GITHUB.fullmatch(text) is not None
