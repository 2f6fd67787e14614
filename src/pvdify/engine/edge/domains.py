"""The hostnames of apps, and grants for hostnames. No two apps have the same hostname."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from enum import Enum

from pvdify.engine.edge.hostname_claims import HostnameClaims
from pvdify.engine.world.concurrency import Locks
from pvdify.engine.world.not_found import no_app
from pvdify.errors import DomainNotFound, DomainNotRemovable, InvalidHostname
from pvdify.manifest.names import canonical_hostname
from pvdify.model.action import Action
from pvdify.model.app import App, default_hostname, hostnames_of
from pvdify.model.event import Event
from pvdify.model.grant import Grant, GrantKind
from pvdify.model.names import check_app_name
from pvdify.model.token import Actor
from pvdify.ports.clock import Clock
from pvdify.ports.store import Store
from pvdify.settings import Settings

MOST_ADDED = 1000  # hostnames of one app; each change writes all of them, and the router searches those of all apps


class Origin(Enum):
    """The source of a hostname: the app's name, its manifest, or `pvdify domains:add`."""

    APP = "app"
    MANIFEST = "manifest"
    ADDED = "added"


@dataclass(frozen=True, kw_only=True)
class Domain:
    """A hostname of an app."""

    hostname: str
    origin: Origin


class Domains:
    """Lists, adds and removes hostnames of apps, and grants."""

    def __init__(
        self, *, clock: Clock, locks: Locks, settings: Settings, store: Store, claims: HostnameClaims,
        put_routes: Callable[[str], Awaitable[None]],
    ) -> None:  # fmt: skip
        self._clock, self._locks, self._settings, self._store = clock, locks, settings, store
        self._claims = claims
        self._put_routes = put_routes

    async def list(self, name: str) -> tuple[Domain, ...]:
        """Return all hostnames of an app, its default hostname first. Raises AppNotFound, StoreUnavailable."""
        app = await self._app(name)
        live = await self._store.active_release(name)
        own = default_hostname(name, self._settings.base_domain)
        every = hostnames_of(app, self._settings.base_domain, live.manifest if live else None)
        return tuple(
            Domain(
                hostname=hostname,
                origin=Origin.APP if hostname == own else Origin.ADDED if hostname in app.domains else Origin.MANIFEST,
            )
            for hostname in every
        )

    async def add(self, name: str, hostname: str, actor: Actor) -> tuple[Domain, bool]:
        """Add a hostname to the app; return the domain, and whether it is new to the app.

        The route has the hostname when this returns, or once the app's running operation has ended. Raises AppNotFound,
        InvalidHostname, HostnameTaken, HostnameReserved, HostnameNotGranted, RouterUnavailable, StoreUnavailable.
        """
        wanted = _canonical(name, hostname)
        async with self._locks.queue(name), self._locks.hostnames:
            known = next((it for it in await self.list(name) if it.hostname == wanted), None)
            if known is not None:
                return known, False
            grants = await self._claims.check_rights(name, (wanted,), actor)
            await self._claims.check_free(name, {wanted})
            app = await self._app(name)
            if len(app.domains) >= MOST_ADDED:
                raise InvalidHostname(
                    f"{wanted} was not added to {name}",
                    why=f"{MOST_ADDED} hostnames have been added to it, and that is the most",
                    next=f"`pvdify domains:remove {name} HOSTNAME` removes one",
                )
            await self._save(replace(app, domains=(*app.domains, wanted)), Action.DOMAIN_ADDED, wanted, actor, *grants)
        await self._put_routes(name)
        return Domain(hostname=wanted, origin=Origin.ADDED), True

    async def remove(self, name: str, hostname: str, actor: Actor) -> None:
        """Remove a hostname that was added to the app.

        Raises AppNotFound, InvalidHostname, DomainNotFound, DomainNotRemovable, RouterUnavailable, StoreUnavailable.
        """
        wanted = _canonical(name, hostname)
        async with self._locks.queue(name):
            known = next((it for it in await self.list(name) if it.hostname == wanted), None)
            if known is None:
                raise DomainNotFound(f"{name} does not answer to {wanted}", next=f"`pvdify domains {name}`")
            if known.origin is not Origin.ADDED:
                raise _not_removable(name, known)
            app = await self._app(name)
            left = tuple(it for it in app.domains if it != wanted)
            await self._save(replace(app, domains=left), Action.DOMAIN_REMOVED, wanted, actor)
        await self._put_routes(name)

    async def grants(self, name: str) -> tuple[Grant, ...]:
        """Return the hostname grants of an app, which need not exist yet. Raises StoreUnavailable."""
        return tuple(it for it in await self._store.grants(name) if it.kind is GrantKind.HOSTNAME)

    async def grant(self, name: str, hostname: str, actor: Actor) -> Grant:
        """Allow the app to answer to a hostname; its deploys and tokens may claim it from now on.

        Raises InvalidError, InvalidHostname, HostnameReserved, StoreUnavailable.
        """
        wanted = _canonical(check_app_name(name), hostname)
        made = await self._claims.check_rights(name, (wanted,), actor)
        known = next((it for it in await self.grants(name) if it.name == wanted), None)
        now = self._clock.now()
        grant = known or Grant(
            app=name, kind=GrantKind.HOSTNAME, name=wanted, created_at=now, created_by=actor.name
        )  # fmt: skip
        event = Event(
            at=now, actor=actor.name, address=actor.address, action=Action.DOMAIN_GRANTED, app=name, text=wanted
        )
        await self._store.save(*(made or (grant,)), event)
        return made[0] if made else grant

    async def revoke(self, name: str, hostname: str, actor: Actor) -> None:
        """Revoke a grant. The app keeps its current hostnames until its next deploy.

        Raises DomainNotFound, InvalidHostname, StoreUnavailable.
        """
        wanted = _canonical(name, hostname)
        known = next((it for it in await self.grants(name) if it.name == wanted), None)
        if known is None:
            raise DomainNotFound(f"{wanted} is not granted to {name}", next=f"`pvdify domains:grants {name}`")
        event = Event(
            at=self._clock.now(),
            actor=actor.name,
            address=actor.address,
            action=Action.DOMAIN_REVOKED,
            app=name,
            text=wanted,
        )
        await self._store.delete_grant(known, event)

    async def _save(self, app: App, action: Action, hostname: str, actor: Actor, *grants: Grant) -> None:
        now = self._clock.now()
        event = Event(at=now, actor=actor.name, address=actor.address, action=action, app=app.name, text=hostname)
        await self._store.save(replace(app, updated_at=now), *grants, event)

    async def _app(self, name: str) -> App:
        app = await self._store.app(name)
        if app is None:
            raise no_app(name)
        return app


def _canonical(app: str, hostname: str) -> str:
    try:
        return canonical_hostname(hostname)
    except ValueError as error:
        raise InvalidHostname(
            f'{app} cannot answer to "{hostname[:260]}"', why=str(error), next="name one hostname, like www.example.com"
        ) from error


def _not_removable(app: str, domain: Domain) -> DomainNotRemovable:
    if domain.origin is Origin.APP:
        return DomainNotRemovable(
            f"{domain.hostname} stays with {app}", why="it is the app's own address on this server",
            next=f"`pvdify maintenance:on {app}` answers its visitors with a maintenance page",
        )  # fmt: skip
    return DomainNotRemovable(
        f"{domain.hostname} stays with {app}", why="the live release's manifest contains it",
        next=f"take it out of `domains` in pvdify.yml, then `pvdify deploy {app}`",
    )  # fmt: skip
