"""PostHog: one project for all apps of this server, and for what pvdify itself does."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from pvdify.engine.notifications import check_address, shown
from pvdify.engine.world import World
from pvdify.errors import InvalidError
from pvdify.model.config import ConfigVar
from pvdify.model.event import Event
from pvdify.model.instance import Secret
from pvdify.model.notice import Channel, Subscription
from pvdify.model.token import Actor

EVENTS, ANNOTATIONS = "posthog", "posthog-annotations"
HOST_VAR, KEY_VAR = "POSTHOG_HOST", "POSTHOG_KEY"
TOLD = ("deploy.*", "rollback.*", "guard.*", "preview.opened", "preview.ended")
ANNOTATED = ("deploy.live", "rollback.live")


@dataclass(frozen=True, kw_only=True)
class Posthog:
    """Which project. ``personal_key`` and ``project``: for annotations, which the project's own key cannot make."""

    host: str
    key: Secret
    personal_key: Secret | None = None
    project: str | None = None


class PosthogLink:
    """The server's connection to PostHog, if it has one."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def show(self) -> Posthog | None:
        """The connection. Raises StoreUnavailable."""
        keys = await self._world.credentials.read(EVENTS)
        if keys is None:
            return None
        more = await self._world.credentials.read(ANNOTATIONS) or {}
        return Posthog(
            host=keys["host"], key=keys["key"], personal_key=more.get("personal_key"), project=more.get("project")
        )

    async def connect(self, wanted: Posthog, actor: Actor) -> Posthog:
        """Connect, or connect to another project. Instances get the new values when they are started next.

        Raises InvalidWebAddress, InvalidError, StoreUnavailable.
        """
        address = check_address(wanted.host)
        _check(wanted)
        host = wanted.host.rstrip("/")
        await self._subscribe(EVENTS, Channel.POSTHOG, TOLD, shown(address), actor,
                              {"host": Secret(host), "key": wanted.key})  # fmt: skip
        if wanted.personal_key is not None and wanted.project is not None:
            keys = {"host": Secret(host), "personal_key": wanted.personal_key, "project": Secret(wanted.project)}
            await self._subscribe(ANNOTATIONS, Channel.POSTHOG_ANNOTATIONS, ANNOTATED, shown(address), actor, keys)
        else:
            await self._unsubscribe(ANNOTATIONS, actor)
        return Posthog(host=host, key=wanted.key, personal_key=wanted.personal_key, project=wanted.project)

    async def disconnect(self, actor: Actor) -> None:
        """Tell PostHog nothing any more; instances lose the values at their next start. Raises StoreUnavailable."""
        for name in (ANNOTATIONS, EVENTS):
            await self._unsubscribe(name, actor)

    async def _subscribe(
        self, id: str, channel: Channel, events: tuple[str, ...], address: str, actor: Actor, keys: Mapping[str, Secret]
    ) -> None:
        now = self._world.clock.now()
        await self._world.credentials.write(id, keys)
        event = Event(at=now, actor=actor.name, action="posthog.connected", text=f"{id}: {address}")
        subscription = Subscription(
            id=id, channel=channel, events=events, address=address, created_at=now, created_by=actor.name
        )
        await self._world.outbox.save_subscription(subscription, event)

    async def _unsubscribe(self, id: str, actor: Actor) -> None:
        if await self._world.outbox.subscription(id) is None:
            return
        event = Event(at=self._world.clock.now(), actor=actor.name, action="posthog.disconnected", text=id)
        await self._world.outbox.delete_subscription(id, event)
        await self._world.credentials.remove(id)


async def config_of(world: World, app: str, version: int) -> dict[str, ConfigVar]:
    """What an app's instances get: its config, and this server's PostHog where the app names none of its own.

    Both or neither: an app's own key with our host, or the other way round, would lead to nowhere.
    """
    config = await world.secrets.read(app, version)
    keys = await world.credentials.read(EVENTS)
    if keys is None or HOST_VAR in config or KEY_VAR in config:
        return config
    return config | {HOST_VAR: ConfigVar(value=keys["host"]), KEY_VAR: ConfigVar(value=keys["key"])}


def _check(wanted: Posthog) -> None:
    problems = []
    if not re.fullmatch(r"[\w.-]{1,200}", wanted.key, re.ASCII):
        problems.append("key: expected a project's key, like phc_…")
    if (wanted.personal_key is None) != (wanted.project is None):
        problems.append("personal_key: needs the project's number, and the other way round")
    if wanted.personal_key is not None and not re.fullmatch(r"[\w.-]{1,200}", wanted.personal_key, re.ASCII):
        problems.append("personal_key: expected a personal API key, like phx_…")
    if wanted.project is not None and not re.fullmatch(r"[\w-]{1,64}", wanted.project, re.ASCII):
        problems.append("project: expected its number, as in the address of its pages")
    if problems:
        raise InvalidError("PostHog was not connected", next="correct it", details={"problems": problems})
