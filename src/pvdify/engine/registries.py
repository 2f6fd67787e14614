"""Which registries this server signs in to: to list, add and remove."""

import asyncio
import json
from datetime import datetime

import structlog

from pvdify.engine.world import World
from pvdify.errors import PvdifyError, RegistryNotFound, StoreUnavailable
from pvdify.model.event import Event
from pvdify.model.instance import Secret
from pvdify.model.registry import RegistryLogin, check_registry_host, check_registry_login
from pvdify.model.token import Actor

log = structlog.get_logger()
KEYS, LOGINS = "registries", "logins"


class Registries:
    """The engine's front door for registries. All of them are one encrypted value, so none can take another's place."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._changing = asyncio.Lock()

    async def list(self) -> tuple[RegistryLogin, ...]:
        """All, by host. Raises StoreUnavailable."""
        kept = await self._world.credentials.read(KEYS)
        if kept is None:
            return ()
        try:
            return tuple(_parsed(entry) for entry in json.loads(kept[LOGINS]))
        except (KeyError, TypeError, ValueError) as error:
            raise StoreUnavailable(
                "the registry logins cannot be read", why="what is kept as `registries` is not what pvdify wrote",
                next="restore credentials/registries.sops.yaml from a backup; public images can still be deployed",
            ) from error  # fmt: skip

    async def get(self, host: str) -> RegistryLogin:
        """One. Raises InvalidRegistry, RegistryNotFound, StoreUnavailable."""
        wanted = check_registry_host(host)
        found = next((login for login in await self.list() if login.host == wanted), None)
        if found is None:
            raise RegistryNotFound(
                f"this server is not signed in to {wanted}", next="`pvdify registry` shows where it is"
            )
        return found

    async def login(self, host: str, username: str, password: Secret, actor: Actor) -> RegistryLogin:
        """Sign in from now on, instead of any earlier login there; the registry is asked whether it takes it.

        Raises InvalidRegistry, RegistryDenied, RegistryUnavailable, RuntimeUnavailable, StoreUnavailable.
        """
        wanted = check_registry_host(host)
        check_registry_login(wanted, username, password)
        login = RegistryLogin(
            host=wanted, username=username, password=password, created_at=self._world.clock.now(), created_by=actor.name
        )
        await self._world.registry_logins.check(login)
        async with self._changing:
            others = [each for each in await self.list() if each.host != wanted]
            await self._keep(*others, login)
        await self._note(actor, "registry.login", f"{wanted} as {username}")
        return login

    async def logout(self, host: str, actor: Actor) -> None:
        """Forget the login. Raises InvalidRegistry, RegistryNotFound, RuntimeUnavailable, StoreUnavailable."""
        async with self._changing:
            login = await self.get(host)
            await self._keep(*[each for each in await self.list() if each.host != login.host])
        await self._note(actor, "registry.logout", login.host)

    async def apply(self) -> None:
        """At start-up: what is kept is used. What cannot be read keeps nobody from starting; pulls say what to do."""
        try:
            async with self._changing:
                await self._world.registry_logins.use(await self.list())
        except PvdifyError as error:
            log.warning("registries.unused", what=error.what, why=error.why, next=error.next)

    async def _keep(self, *logins: RegistryLogin) -> None:
        ordered = sorted(logins, key=lambda login: login.host)
        entries = json.dumps([_entry(login) for login in ordered])
        await self._world.credentials.write(KEYS, {LOGINS: Secret(entries)})
        await self._world.registry_logins.use(ordered)

    async def _note(self, actor: Actor, action: str, text: str) -> None:
        event = Event(at=self._world.clock.now(), actor=actor.name, action=action, text=text)
        await self._world.store.save(event)


def _entry(login: RegistryLogin) -> dict[str, str]:
    return {"host": login.host, "username": login.username, "password": str(login.password),
            "created_at": login.created_at.isoformat(), "created_by": login.created_by}  # fmt: skip


def _parsed(entry: dict[str, str]) -> RegistryLogin:
    return RegistryLogin(
        host=entry["host"], username=entry["username"], password=Secret(entry["password"]),
        created_at=datetime.fromisoformat(entry["created_at"]), created_by=entry["created_by"],
    )  # fmt: skip
