"""People who use the dashboard: what they may do, and how they prove who they are."""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from pvdify.model.token import Actor, Role

LONGEST_NAME = 80
RESERVED = frozenset({"root", "pvdify", "nobody", ".", ".."})  # in events, or in paths, they mean something else
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,190}")
_GITHUB = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})")


@dataclass(frozen=True, kw_only=True)
class User:
    """A person who was invited. ``app``: the only app they may use, None for all.

    ``email``, ``github``: who may sign in as this user the first time, as a provider says it; "" for none. From then
    on ``issuer`` and ``subject`` decide, which the provider never gives to another person.
    ``invitation``: the hash of the invitation's secret until it is used.
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
        """What this user may do now."""
        return Actor(name=self.name, role=self.role, app=self.app, token=f"user:{self.id}")


class HolderKind(Enum):
    """What a session stands for, and so where its rights are looked up."""

    USER = "user"
    TOKEN = "token"  # noqa: S105 - a word
    ROOT = "root"


@dataclass(frozen=True, kw_only=True)
class Holder:
    """Who a session belongs to: a user or a token by its id, or root on this server."""

    kind: HolderKind
    id: str
    name: str


@dataclass(frozen=True, kw_only=True)
class Session:
    """A browser that signed in. ``digest``: the hash of its cookie; ``way``: how it signed in."""

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
    """Whether a user can have this name: it stands in lists, events and paths."""
    return 1 <= len(text) <= LONGEST_NAME and text.isprintable() and "/" not in text and text.lower() not in RESERVED


def is_email(text: str) -> bool:
    """Whether this looks like an e-mail address."""
    return _EMAIL.fullmatch(text) is not None


def is_github_login(text: str) -> bool:
    """Whether this can be the name of an account at GitHub."""
    return _GITHUB.fullmatch(text) is not None
