"""Passkeys: keys that a person's device keeps, and the half that is known here."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class Passkey:
    """What is kept of a passkey. ``id`` and ``public_key``: base64url; ``uses``: as the device counts them."""

    id: str
    user: str
    name: str
    public_key: str
    uses: int
    created_at: datetime
    last_used_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class NewPasskey:
    """What a device says of a key that it has just made."""

    id: str
    public_key: str
    uses: int


@dataclass(frozen=True, kw_only=True)
class Site:
    """Where a browser sees the dashboard. A passkey is good for one ``host``; ``origin`` has scheme and port, too."""

    host: str
    origin: str
