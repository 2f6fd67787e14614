"""The connection to PostHog: one project for all apps of this server and for pvdify's own events."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from pvdify.engine.notifying.notifications import check_address, shown
from pvdify.engine.world import SharedVars
from pvdify.errors import InvalidError
from pvdify.model.action import Action
from pvdify.model.event import Event
from pvdify.model.instance import Secret
from pvdify.model.notice import Channel, Subscription
from pvdify.model.token import Actor
from pvdify.ports.clock import Clock
from pvdify.ports.credentials import Credentials
from pvdify.ports.outbox import Outbox

HOST_VAR, KEY_VAR = "POSTHOG_HOST", "POSTHOG_KEY"
EVENTS, ANNOTATIONS = "posthog", "posthog-annotations"
TOLD = ("deploy.*", "rollback.*", "guard.*", Action.PREVIEW_OPENED, Action.PREVIEW_ENDED)
ANNOTATED = (Action.DEPLOY_LIVE, Action.ROLLBACK_LIVE)


@dataclass(frozen=True, kw_only=True)
class Posthog:
    """A PostHog project. ``personal_key`` and ``project``: for annotations, which need more than the project's key."""

    host: str
    key: Secret
    personal_key: Secret | None = None
    project: str | None = None


class PosthogLink:
    """The server's connection to PostHog, if it has one."""

    def __init__(
        self, *, clock: Clock, credentials: Credentials, outbox: Outbox, shared_vars: list[SharedVars]
    ) -> None:
        self._clock, self._credentials, self._outbox = clock, credentials, outbox
        shared_vars.append(self._shared_vars)

    async def show(self) -> Posthog | None:
        """Return the connection, or None. Raises StoreUnavailable."""
        keys = await self._credentials.read(EVENTS)
        if keys is None:
            return None
        more = await self._credentials.read(ANNOTATIONS) or {}
        return Posthog(
            host=keys["host"], key=keys["key"], personal_key=more.get("personal_key"), project=more.get("project")
        )

    async def connect(self, wanted: Posthog, actor: Actor) -> Posthog:
        """Connect to a project, in place of an earlier one. Instances get the new values at their next start.

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
        """Disconnect from PostHog. Instances lose the values at their next start. Raises StoreUnavailable."""
        for name in (ANNOTATIONS, EVENTS):
            await self._unsubscribe(name, actor)

    async def _shared_vars(self) -> dict[str, Secret]:
        keys = await self._credentials.read(EVENTS)
        return {} if keys is None else {HOST_VAR: keys["host"], KEY_VAR: keys["key"]}

    async def _subscribe(
        self, id: str, channel: Channel, events: tuple[str, ...], address: str, actor: Actor, keys: Mapping[str, Secret]
    ) -> None:
        now = self._clock.now()
        await self._credentials.write(id, keys)
        event = Event(
            at=now, actor=actor.name, address=actor.address, action=Action.POSTHOG_CONNECTED, text=f"{id}: {address}"
        )
        subscription = Subscription(
            id=id, channel=channel, events=events, address=address, created_at=now, created_by=actor.name
        )
        await self._outbox.save_subscription(subscription, event)

    async def _unsubscribe(self, id: str, actor: Actor) -> None:
        if await self._outbox.subscription(id) is None:
            return
        event = Event(
            at=self._clock.now(),
            actor=actor.name,
            address=actor.address,
            action=Action.POSTHOG_DISCONNECTED,
            text=id,
        )
        await self._outbox.delete_subscription(id, event)
        await self._credentials.remove(id)


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
