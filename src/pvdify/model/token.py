"""Tokens: who may do what. Only a hash of each is kept."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from pvdify.model.names import parent_of

PREFIX = "pvd"


class Role(Enum):
    """READ looks, DEPLOY changes apps, ADMIN also tokens and the server. Each includes the one before."""

    READ = "read"
    DEPLOY = "deploy"
    ADMIN = "admin"

    def includes(self, other: "Role") -> bool:
        """Whether this role may do what the other may."""
        order = (Role.READ, Role.DEPLOY, Role.ADMIN)
        return order.index(self) >= order.index(other)


@dataclass(frozen=True, kw_only=True)
class Token:
    """What is kept of a token. ``app``: the only app it is good for, None for all."""

    id: str
    name: str
    role: Role
    app: str | None = None
    digest: str
    created_at: datetime
    created_by: str
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Actor:
    """Who is asking.

    ``token``: the id of the token, where one was shown; ``address``: where from, empty for root on this machine and for
    the server itself. Who is asking does not depend on either.
    """

    name: str
    role: Role
    app: str | None = None
    token: str = field(default="", compare=False)
    address: str = field(default="", compare=False)

    def reaches(self, app: str | None) -> bool:
        """Whether this app is theirs: every app, or the one named and its previews. None: the server as a whole."""
        if self.app is None or app == self.app:
            return True
        preview = parent_of(app) if app else None
        return preview is not None and preview[0] == self.app


PVDIFY = Actor(name="pvdify", role=Role.ADMIN)  # what the server does by itself


def new_token_text() -> tuple[str, str]:
    """A fresh token's id and its whole text, 256 bits of it random."""
    token_id = secrets.token_hex(4)
    return token_id, f"{PREFIX}_{token_id}_{secrets.token_urlsafe(32)}"


def digest_of(text: str) -> str:
    """What is kept of a token: SHA-256 is enough for 256 random bits; slow hashes guard guessable passwords."""
    return hashlib.sha256(text.encode()).hexdigest()


def id_in(text: str) -> str | None:
    """The id inside a token's text, None if it is no token of ours."""
    parts = text.split("_", 2)
    return parts[1] if len(parts) == 3 and parts[0] == PREFIX else None


def is_valid(token: Token, text: str, now: datetime) -> bool:
    """Whether the text is this token and it is neither revoked nor expired."""
    return hmac.compare_digest(token.digest, digest_of(text)) and is_good(token, now)


def is_good(token: Token, now: datetime) -> bool:
    """Whether a token is neither revoked nor expired."""
    return token.revoked_at is None and (token.expires_at is None or now < token.expires_at)
