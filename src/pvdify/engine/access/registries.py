"""Logins at image registries: list, add and remove them."""

import asyncio
import json
from dataclasses import replace
from datetime import datetime

import structlog

from pvdify.errors import PvdifyError, RegistryNotFound, StoreUnavailable
from pvdify.model.action import Action
from pvdify.model.event import Event
from pvdify.model.instance import Secret
from pvdify.model.names import check_app_name
from pvdify.model.registry import RegistryLogin, check_registry_host, check_registry_login
from pvdify.model.token import Actor
from pvdify.ports.clock import Clock
from pvdify.ports.credentials import Credentials
from pvdify.ports.registry_logins import RegistryLogins
from pvdify.ports.store import Store

log = structlog.get_logger()
KEYS, LOGINS = "registries", "logins"


class Registries:
    """Requests about registry logins. All logins are stored in one encrypted value, so they cannot be swapped."""

    def __init__(
        self, *, clock: Clock, credentials: Credentials, registry_logins: RegistryLogins, store: Store
    ) -> None:
        self._clock, self._credentials, self._registry_logins, self._store = clock, credentials, registry_logins, store
        self._changing = asyncio.Lock()

    async def list(self) -> tuple[RegistryLogin, ...]:
        """Return all logins, by host. Raises StoreUnavailable."""
        kept = await self._credentials.read(KEYS)
        if kept is None:
            return ()
        try:
            return tuple(_parsed(entry) for entry in json.loads(kept[LOGINS]))
        except (KeyError, TypeError, ValueError) as error:
            raise StoreUnavailable(
                "the registry logins cannot be read", why="what is kept as `registries` is not what pvdify wrote",
                next="restore credentials/registries.sops.yaml from a backup; public images can still be deployed",
            ) from error  # fmt: skip

    async def get(self, host: str, app: str | None = None) -> RegistryLogin:
        """Return the login of this app, or the shared login if ``app`` is None.

        Raises InvalidRegistry, RegistryNotFound, StoreUnavailable.
        """
        wanted = check_registry_host(host)
        found = next((login for login in await self.list() if (login.host, login.app) == (wanted, app)), None)
        if found is None:
            raise RegistryNotFound(
                f"this server is not signed in to {wanted}{_for(app)}", next="`pvdify registry` shows where it is"
            )
        return found

    async def login(
        self, host: str, username: str, password: Secret, actor: Actor, app: str | None = None
    ) -> RegistryLogin:
        """Check a login at the registry and store it, in place of an earlier one for the same host and app.

        ``app``: the login is used for this app and its previews only; None: for every app.

        Raises InvalidError, InvalidRegistry, RegistryDenied, RegistryUnavailable, RuntimeUnavailable, StoreUnavailable.
        """
        wanted = check_registry_host(host)
        check_registry_login(wanted, username, password)
        if app is not None:
            check_app_name(app)
        login = RegistryLogin(
            host=wanted, username=username, password=password, app=app, created_at=self._clock.now(),
            created_by=actor.name,
        )  # fmt: skip
        await self._registry_logins.check(login)
        async with self._changing:
            others = [each for each in await self.list() if (each.host, each.app) != (wanted, app)]
            await self._keep(*others, login)
        await self._note(actor, Action.REGISTRY_LOGIN, f"{wanted} as {username}", app)
        return login

    async def logout(self, host: str, actor: Actor, app: str | None = None) -> None:
        """Delete a login. Raises InvalidRegistry, RegistryNotFound, RuntimeUnavailable, StoreUnavailable."""
        async with self._changing:
            login = await self.get(host, app)
            await self._keep(*[each for each in await self.list() if each != login])
        await self._note(actor, Action.REGISTRY_LOGOUT, login.host, app)

    async def rename(self, old: str, new: str) -> None:
        """Move the logins of the app ``old`` to the app ``new``. Can be repeated.

        Raises RuntimeUnavailable, StoreUnavailable.
        """
        async with self._changing:
            known = await self.list()
            if any(login.app == old for login in known):
                hosts = {login.host for login in known if login.app == old}
                kept = [it for it in known if it.app != old and not (it.app == new and it.host in hosts)]
                await self._keep(*kept, *(replace(it, app=new) for it in known if it.app == old))

    async def forget(self, app: str) -> None:
        """Delete the app's own logins. Can be repeated. Raises RuntimeUnavailable, StoreUnavailable."""
        async with self._changing:
            known = await self.list()
            kept = [login for login in known if login.app != app]
            if len(kept) < len(known):
                await self._keep(*kept)

    async def apply(self) -> None:
        """Pass the stored logins to the container runtime at start-up.

        An error is logged and does not prevent the start; pulls then fail with a next step.
        """
        try:
            async with self._changing:
                await self._registry_logins.use(await self.list())
        except PvdifyError as error:
            log.warning("registries.unused", what=error.what, why=error.why, next=error.next)

    async def _keep(self, *logins: RegistryLogin) -> None:
        ordered = sorted(logins, key=lambda login: (login.host, login.app or ""))
        entries = json.dumps([_entry(login) for login in ordered])
        await self._credentials.write(KEYS, {LOGINS: Secret(entries)})
        await self._registry_logins.use(ordered)

    async def _note(self, actor: Actor, action: Action, text: str, app: str | None) -> None:
        event = Event(at=self._clock.now(), actor=actor.name, address=actor.address, action=action, app=app, text=text)
        await self._store.save(event)


def _for(app: str | None) -> str:
    return f" for {app}" if app else ""


def _entry(login: RegistryLogin) -> dict[str, str]:
    entry = {"host": login.host, "username": login.username, "password": str(login.password),
             "created_at": login.created_at.isoformat(), "created_by": login.created_by}  # fmt: skip
    return entry | ({"app": login.app} if login.app else {})


def _parsed(entry: dict[str, str]) -> RegistryLogin:
    return RegistryLogin(
        host=entry["host"], username=entry["username"], password=Secret(entry["password"]),
        app=entry.get("app"), created_at=datetime.fromisoformat(entry["created_at"]), created_by=entry["created_by"],
    )  # fmt: skip
