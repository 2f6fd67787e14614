"""Which hostnames an app may claim, and by whose word.

Its own name on this server, and everything below it, is the app's. Any other needs a token for the whole server, or a
grant that such a token made. Names of this server belong to no app.
"""

from collections.abc import Iterable
from urllib.parse import urlsplit

from pvdify.engine.world import World
from pvdify.errors import HostnameNotGranted, HostnameReserved
from pvdify.model.app import default_hostname
from pvdify.model.grant import Grant, GrantKind
from pvdify.model.token import Actor
from pvdify.ports.store import Store
from pvdify.settings import Settings


async def check_rights(world: World, app: str, wanted: Iterable[str], actor: Actor) -> tuple[Grant, ...]:
    """Grants to store together with the claim: those that the actor's own word makes.

    Raises HostnameReserved, HostnameNotGranted, StoreUnavailable.
    """
    own = default_hostname(app, world.settings.base_domain)
    granted = await granted_hostnames(world.store, app)
    outside = [name for name in dict.fromkeys(wanted) if name not in granted and not _is_within(name, own)]
    reserved = reserved_hostnames(world.settings)
    if taken := [name for name in outside if name in reserved]:
        raise HostnameReserved(
            f"{app} cannot answer to {', '.join(taken)}",
            why="it is a name of this server itself: the base domain, or that of public_url",
            next=f"choose another hostname; {app} answers to {own}",
        )
    if outside and actor.app is not None:
        raise HostnameNotGranted(
            f"{app} may not answer to {', '.join(outside)}",
            why=f"this token is for {actor.app} alone, and {own} is the app's own hostname",
            next=f"ask an admin for `pvdify domains:grant {app} {outside[0]}`",
        )
    now = world.clock.now()
    return tuple(
        Grant(app=app, kind=GrantKind.HOSTNAME, name=name, created_at=now, created_by=actor.name) for name in outside
    )


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


def _is_within(hostname: str, own: str) -> bool:
    return hostname == own or hostname.endswith(f".{own}")
