"""Passkeys: credentials whose private key stays on a user's device."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class Passkey:
    """The stored record of a passkey. ``id`` and ``public_key``: base64url; ``uses``: the device's use counter."""

    id: str
    user: str
    name: str
    public_key: str
    uses: int
    created_at: datetime
    last_used_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class NewPasskey:
    """A passkey that a device has just made."""

    id: str
    public_key: str
    uses: int


@dataclass(frozen=True, kw_only=True)
class Site:
    """The dashboard's address in a browser. A passkey belongs to one ``host``; ``origin`` includes scheme and port."""

    host: str
    origin: str
