"""API tokens, their roles and their checks. Only a hash of each token is stored."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from pvdify.model.names import parent_of

PREFIX = "pvd"


class Role(Enum):
    """READ shows everything, DEPLOY changes apps, ADMIN also tokens and the server. Each includes the one before."""

    READ = "read"
    DEPLOY = "deploy"
    ADMIN = "admin"

    def includes(self, other: "Role") -> bool:
        """Return whether this role has all rights of the other one."""
        order = (Role.READ, Role.DEPLOY, Role.ADMIN)
        return order.index(self) >= order.index(other)


@dataclass(frozen=True, kw_only=True)
class Token:
    """The record of a token. ``app``: the only app that it is valid for, None for all."""

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
    """The user, token or process that makes a request.

    ``token``: the id of the token, if one was used; ``address``: the client's address, empty for root on this machine
    and for the server itself. Neither is part of the identity.
    """

    name: str
    role: Role
    app: str | None = None
    token: str = field(default="", compare=False)
    address: str = field(default="", compare=False)

    def reaches(self, app: str | None) -> bool:
        """Return whether the actor may work on this app: all apps, or its own and its previews. None: the server."""
        if self.app is None or app == self.app:
            return True
        preview = parent_of(app) if app else None
        return preview is not None and preview[0] == self.app

    def narrowed(self, app: str | None) -> str | None:
        """Return the app whose records an answer may have: the wanted one if the actor reaches it, else its own."""
        return app if app and self.reaches(app) else self.app


PVDIFY = Actor(name="pvdify", role=Role.ADMIN)  # the server itself


def new_token_text() -> tuple[str, str]:
    """Return a new token's id and its full text, with 256 random bits."""
    token_id = secrets.token_hex(4)
    return token_id, f"{PREFIX}_{token_id}_{secrets.token_urlsafe(32)}"


def digest_of(text: str) -> str:
    """Return the hash to store. SHA-256 is enough for 256 random bits; slow hashes are for guessable passwords."""
    return hashlib.sha256(text.encode()).hexdigest()


def id_in(text: str) -> str | None:
    """Return the id in a token's text; None if it is no pvdify token."""
    parts = text.split("_", 2)
    return parts[1] if len(parts) == 3 and parts[0] == PREFIX else None


def is_valid(token: Token, text: str, now: datetime) -> bool:
    """Return whether the text is this token's, and the token is neither revoked nor expired."""
    return hmac.compare_digest(token.digest, digest_of(text)) and is_good(token, now)


def is_good(token: Token, now: datetime) -> bool:
    """Return whether a token is neither revoked nor expired."""
    return token.revoked_at is None and (token.expires_at is None or now < token.expires_at)
