"""List, add, remove and test notifications."""

import base64
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, replace
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from pvdify.engine.notifying.courier import Courier
from pvdify.engine.world.not_found import no_app
from pvdify.errors import InvalidError, InvalidWebAddress, NotificationNotFound
from pvdify.model.action import USUAL, Action, problem_with_pattern
from pvdify.model.event import Event
from pvdify.model.instance import Secret
from pvdify.model.notice import Channel, Delivery, DeliveryState, Notice, Subscription
from pvdify.model.token import Actor
from pvdify.ports.clock import Clock
from pvdify.ports.credentials import Credentials
from pvdify.ports.outbox import Outbox
from pvdify.ports.store import Store

CHAT = (Channel.SLACK, Channel.DISCORD)
# created and removed by `pvdify posthog:connect` and the setting github_token_file
MANAGED = (Channel.POSTHOG, Channel.POSTHOG_ANNOTATIONS, Channel.GITHUB)
LONGEST_ADDRESS = 2000


@dataclass(frozen=True, kw_only=True)
class NotificationRequest:
    """A requested notification. ``events``: patterns of events; empty for the default events."""

    channel: Channel
    url: Secret
    app: str | None = None
    events: tuple[str, ...] = ()


class Notifications:
    """Requests about notifications."""

    def __init__(
        self, *, clock: Clock, credentials: Credentials, outbox: Outbox, store: Store, courier: Courier
    ) -> None:
        self._clock, self._credentials, self._outbox, self._store = clock, credentials, outbox, store
        self._courier = courier

    async def list(self) -> tuple[Subscription, ...]:
        """Return all notifications, oldest first, without those of GitHub and PostHog. Raises StoreUnavailable."""
        return tuple(it for it in await self._outbox.subscriptions() if it.channel not in MANAGED)

    async def add(self, request: NotificationRequest, actor: Actor) -> tuple[Subscription, Secret | None]:
        """Add a notification; return it with the key for checking signatures, or None for chats.

        Raises InvalidWebAddress, InvalidError, AppNotFound, StoreUnavailable.
        """
        if request.channel in MANAGED:
            raise InvalidError(
                f"{request.channel.value} is no channel of a notification",
                next="the setting github_token_file turns reports to GitHub on"
                if request.channel is Channel.GITHUB
                else "`pvdify posthog:connect --help`",
            )
        address = check_address(request.url)
        _check_events(request.events)
        if request.app is not None and await self._store.app(request.app) is None:
            raise no_app(request.app)
        now = self._clock.now()
        subscription = Subscription(
            id=secrets.token_hex(4), channel=request.channel, app=request.app,
            events=tuple(dict.fromkeys(request.events)) or USUAL, address=shown(address),
            created_at=now, created_by=actor.name,
        )  # fmt: skip
        key = None if request.channel in CHAT else _new_key()
        await self._credentials.write(
            subscription.id, {"url": request.url} | ({"secret": key} if key is not None else {})
        )
        event = Event(
            at=now, actor=actor.name, address=actor.address, action=Action.NOTIFY_ADDED, app=request.app,
            text=f"{subscription.channel.value} {subscription.address}",
        )  # fmt: skip
        await self._outbox.save_subscription(subscription, event)
        return subscription, key

    async def remove(self, id: str, actor: Actor) -> None:
        """Remove a notification with its pending deliveries. Raises NotificationNotFound, StoreUnavailable."""
        found = await self._get(id)
        event = Event(
            at=self._clock.now(), actor=actor.name, address=actor.address, action=Action.NOTIFY_REMOVED,
            app=found.app, text=f"{found.channel.value} {found.address}",
        )  # fmt: skip
        await self._outbox.delete_subscription(id, event)
        await self._credentials.remove(id)

    async def test(self, id: str, actor: Actor) -> Delivery:
        """Send a test once, without retries, and return the delivery. Raises NotificationNotFound, StoreUnavailable."""
        found, now = await self._get(id), self._clock.now()
        notice = Notice(
            id=0, at=now, action=Action.NOTIFY_TEST, actor=actor.name, app=found.app, text="pvdify can reach you here"
        )
        draft = Delivery(
            id=f"{id}-test-{secrets.token_hex(4)}", subscription=id, notice=notice, created_at=now, due_at=now
        )
        tried = await self._courier.send(draft, found)
        if tried.state is DeliveryState.PENDING:  # a test is not retried
            tried = _failed(tried)
        await self._outbox.save_deliveries((tried,))
        return tried

    async def deliveries(self, id: str | None, limit: int) -> tuple[Delivery, ...]:
        """Return the deliveries of one notification, or (None) of all, newest first.

        Raises NotificationNotFound, StoreUnavailable.
        """
        if id is not None and await self._outbox.subscription(id) is None:
            raise _no_notification(id)
        return await self._outbox.deliveries(id, limit)

    async def _get(self, id: str) -> Subscription:
        found = await self._outbox.subscription(id)
        if found is None or found.channel in MANAGED:
            raise _no_notification(id)
        return found


def check_address(url: str) -> SplitResult:
    """Return the address in parts. Raises InvalidWebAddress, without the address, which may contain a secret."""
    why = _problem_with(url)
    if why:
        raise InvalidWebAddress(
            "nothing could be sent to this address", why=why, next="name one like https://HOST/PATH"
        )
    return urlsplit(url)


def shown(address: SplitResult) -> str:
    """Return the scheme and host of an address. Path and query are omitted because they often contain a password."""
    return f"{address.scheme}://{address.netloc}" + ("/…" if address.path.strip("/") or address.query else "")


def _problem_with(url: str) -> str:
    if len(url) > LONGEST_ADDRESS or not url.isascii() or not url.isprintable() or " " in url:
        return f"it has more than {LONGEST_ADDRESS} characters, or some that no address has"
    try:
        address = urlsplit(url)
        host, _ = address.hostname or "", address.port
    except ValueError as error:
        return str(error)
    if not host or address.scheme not in ("http", "https"):
        return "it does not begin with https://HOST"
    if address.username is not None or address.fragment:
        return "it has a user name or a fragment in it"
    if address.scheme == "http" and not _is_loopback(host):
        return "it is not encrypted: plain http is for this machine only"
    return ""


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _check_events(patterns: Iterable[str]) -> None:
    problems = [f'"{pattern}": {why}' for pattern in patterns if (why := problem_with_pattern(pattern))]
    if problems:
        raise InvalidError(
            "there are no such events", next="`pvdify notify:add --help` names the usual ones",
            details={"problems": problems},
        )  # fmt: skip


def _new_key() -> Secret:
    """Return a new signing key in the format of standardwebhooks.com."""
    return Secret("whsec_" + base64.b64encode(secrets.token_bytes(32)).decode())


def _failed(delivery: Delivery) -> Delivery:
    return replace(delivery, state=DeliveryState.FAILED, ended_at=delivery.due_at)


def _no_notification(id: str) -> NotificationNotFound:
    return NotificationNotFound(f"there is no notification {id}", next="`pvdify notify` lists them")
