"""Which hostnames an app may claim, and by whose word.

Its own name on this server, and everything below it, is the app's. Any other needs a token for the whole server, or a
grant that such a token made. Names of this server belong to no app.
"""

from urllib.parse import urlsplit

from pvdify.errors import HostnameReserved
from pvdify.model.app import default_hostname
from pvdify.model.grant import GrantKind
from pvdify.ports.store import Store
from pvdify.settings import Settings


def check_own_hostname(settings: Settings, app: str) -> None:
    """Refuse an app whose own hostname is one of the server. Raises HostnameReserved."""
    own = default_hostname(app, settings.base_domain)
    if own in reserved_hostnames(settings):
        raise HostnameReserved(
            f"an app named {app} would answer to {own}", why="this server itself does: it is that of public_url",
            next="choose another name",
        )  # fmt: skip


async def granted_hostnames(store: Store, app: str) -> frozenset[str]:
    """The hostnames that were granted to an app. Raises StoreUnavailable."""
    return frozenset(it.name for it in await store.grants(app) if it.kind is GrantKind.HOSTNAME)


def reserved_hostnames(settings: Settings) -> frozenset[str]:
    """The base domain, and the host of ``public_url``."""
    public = urlsplit(settings.audience).hostname or ""
    return frozenset({settings.base_domain, public} - {""})


def is_within(hostname: str, own: str) -> bool:
    """Whether this is the app's own hostname or one below it."""
    return hostname == own or hostname.endswith(f".{own}")
