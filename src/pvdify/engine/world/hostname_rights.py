"""The rules for hostnames that an app may claim.

An app may claim its default hostname and all hostnames below it. Any other needs a token for the whole server, or a
grant that such a token made. No app may claim the server's own hostnames.
"""

from urllib.parse import urlsplit

from pvdify.errors import HostnameReserved
from pvdify.model.app import default_hostname
from pvdify.model.grant import GrantKind
from pvdify.ports.store import Store
from pvdify.settings import Settings


def check_own_hostname(settings: Settings, app: str) -> None:
    """Raise HostnameReserved if the app's default hostname is one of the server's own."""
    own = default_hostname(app, settings.base_domain)
    if own in reserved_hostnames(settings):
        raise HostnameReserved(
            f"an app named {app} would answer to {own}", why="this server itself does: it is that of public_url",
            next="choose another name",
        )  # fmt: skip


async def granted_hostnames(store: Store, app: str) -> frozenset[str]:
    """Return the hostnames that were granted to an app. Raises StoreUnavailable."""
    return frozenset(it.name for it in await store.grants(app) if it.kind is GrantKind.HOSTNAME)


def reserved_hostnames(settings: Settings) -> frozenset[str]:
    """Return the server's own hostnames: the base domain, and the host of ``public_url``."""
    public = urlsplit(settings.audience).hostname or ""
    return frozenset({settings.base_domain, public} - {""})


def is_within(hostname: str, own: str) -> bool:
    """Whether a hostname equals the app's default hostname ``own`` or is below it."""
    return hostname == own or hostname.endswith(f".{own}")
