"""Checks whether an app may claim hostnames: they are free, and the app or the actor has a right to them."""

from collections.abc import Iterable

from pvdify.engine.world.hostname_rights import granted_hostnames, is_within, reserved_hostnames
from pvdify.errors import HostnameNotGranted, HostnameReserved, HostnameTaken
from pvdify.manifest.definition import Manifest
from pvdify.model.app import default_hostname, hostnames_of
from pvdify.model.former_name import FormerNames
from pvdify.model.grant import Grant, GrantKind
from pvdify.model.token import Actor
from pvdify.ports.clock import Clock
from pvdify.ports.router import Router
from pvdify.ports.store import Store
from pvdify.settings import Settings


class HostnameClaims:
    """Checks claims to hostnames. The caller stores the claim."""

    def __init__(
        self, *, clock: Clock, former_names: FormerNames, router: Router, settings: Settings, store: Store
    ) -> None:
        self._clock, self._former_names, self._router = clock, former_names, router
        self._settings, self._store = settings, store

    async def check_rights(self, app: str, wanted: Iterable[str], actor: Actor) -> tuple[Grant, ...]:
        """Return the grants to store with the claim: an actor for all apps grants hostnames by claiming them.

        Raises HostnameReserved, HostnameNotGranted, StoreUnavailable.
        """
        own = default_hostname(app, self._settings.base_domain)
        granted = await granted_hostnames(self._store, app)
        fresh = [name for name in dict.fromkeys(wanted) if name not in granted]
        outside = [name for name in fresh if not is_within(name, own)]
        reserved = reserved_hostnames(self._settings)
        if taken := [name for name in fresh if name in reserved]:
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
        now = self._clock.now()
        return tuple(
            Grant(app=app, kind=GrantKind.HOSTNAME, name=name, created_at=now, created_by=actor.name)
            for name in outside
        )

    async def check_free(self, app: str, wanted: Iterable[str], *, held: Iterable[str] = ()) -> None:
        """Raise HostnameTaken if another app has one of these hostnames, in the store or in the router.

        ``held``: hostnames that the app has already by the records; if it wants no other one, nothing is read.
        Hold ``locks.hostnames`` from this check until the claim is in the store or in the router.
        Raises RouterUnavailable, StoreUnavailable, too.
        """
        if set(wanted) <= set(held):
            return
        owners = await self._owners(app)
        taken = sorted(set(wanted) & owners.keys())
        if taken:
            other = owners[taken[0]]
            raise HostnameTaken(
                f"{app} cannot answer to {', '.join(taken)}: {other} does",
                why="a hostname belongs to one app",
                next=f"`pvdify domains {other}` shows why it belongs to {other}, which keeps serving it",
            )

    async def _owners(self, but: str) -> dict[str, str]:
        """Return the app of each hostname, except of the app ``but``, by the records and by the router's routes."""
        manifests: dict[str, Manifest] = {it.app: it.manifest for it in await self._store.active_releases()}
        owners = {
            hostname: other.name
            for other in await self._store.apps()
            for hostname in hostnames_of(other, self._settings.base_domain, manifests.get(other.name))
            if other.name != but
        }
        routed = {self._former_names.current(app): it for app, it in (await self._router.routes()).items()}
        return owners | {hostname: other for other, it in routed.items() if other != but for hostname in it.hostnames}
