"""Response types about hostnames of apps."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class Domain:
    """A hostname of an app. ``readable``: the hostname in its own script (``bücher.example``).

    ``origin``: ``app`` (its own address on this server), ``manifest`` (of the live release) or ``added`` (by a user).
    """

    hostname: str
    readable: str
    origin: str
    url: str


@dataclass(frozen=True, kw_only=True)
class DomainGrant:
    """A hostname that an app may claim besides its own; see ``pvdify domains:grant``."""

    app: str
    hostname: str
    created_at: datetime
    created_by: str
