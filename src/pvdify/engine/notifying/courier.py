"""The courier: reads the events that the engine records, and delivers them to subscriptions.

The events are the outbox. An operation writes an event in the same transaction as the change, and does not wait for
deliveries. So no receiver can delay a deploy or make it fail, and no event is lost when pvdifyd is killed.
"""

import asyncio
import random
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import structlog

from pvdify.engine.world.urls import PublicUrls
from pvdify.errors import PvdifyError
from pvdify.model.event import Event
from pvdify.model.instance import Secret
from pvdify.model.names import environment_of, parent_of
from pvdify.model.notice import (
    BACK_OFF,
    GIVE_UP_AFTER,
    Attempt,
    Channel,
    Cursor,
    Delivery,
    DeliveryState,
    Notice,
    Subscription,
)
from pvdify.ports.clock import Clock
from pvdify.ports.credentials import Credentials
from pvdify.ports.outbox import Outbox
from pvdify.ports.outlet import Outlet
from pvdify.ports.store import Store
from pvdify.settings import Settings
from pvdify.timing import first_of

log = structlog.get_logger()
READER = "courier"
GITHUB = "github"  # the id of the subscription whose notices need repository and pull request
PAUSE = 1.0  # seconds between two passes, while deliveries are pending or events are written
IDLE_PAUSE = 300.0  # seconds until the next pass if no record is written
EVENTS_AT_ONCE = 200
EVENTS_FORGOTTEN_AT_ONCE, FORGET_PAUSE = 5000, 0.1  # events per transaction; seconds between two transactions
DUE_AT_ONCE = 20  # deliveries per subscription and pass
TIDY_EVERY = 3600.0  # seconds


class Courier:
    """Delivers events until canceled. Each subscription has its own task, so that a slow receiver delays no other."""

    def __init__(
        self, *, clock: Clock, credentials: Credentials, outbox: Outbox, settings: Settings, store: Store,
        urls: PublicUrls, outlets: Mapping[Channel, Outlet], chance: random.Random | None = None,
    ) -> None:  # fmt: skip
        self._clock, self._credentials, self._outbox, self._settings = clock, credentials, outbox, settings
        self._store, self._urls = store, urls
        self._outlets = outlets
        self._chance = chance or random.Random()  # noqa: S311 - spreads retries, guards nothing
        self._lanes: dict[str, asyncio.Task[None]] = {}
        self._tidied = -TIDY_EVERY

    async def run(self) -> None:
        """Deliver events until canceled: at most a second after they are written, and when a retry is due."""
        try:
            while True:
                seen = self._store.writes
                is_done = await self.deliver_due()
                await self._clock.sleep(PAUSE)
                if is_done:
                    await first_of(self._store.next_write(seen), self._clock.sleep(IDLE_PAUSE))
        finally:
            for lane in self._lanes.values():
                lane.cancel()

    async def deliver_due(self) -> bool:
        """Create deliveries for new events, and start to send due ones; return whether none is pending.

        Errors are logged; the next pass retries.
        """
        try:
            await self._take_in()
            await self._dispatch()
            await self._tidy()
            return await self._outbox.pending() == 0
        except PvdifyError as error:
            log.warning("courier.failed", code=error.code, what=error.what, why=error.why)
        except Exception:
            log.exception("courier.crashed")
        return False

    async def idle(self) -> None:
        """Wait until the current tasks of all subscriptions have ended."""
        await asyncio.gather(*self._lanes.values())

    async def send(self, delivery: Delivery, subscription: Subscription) -> Delivery:
        """Send a delivery once, and return it with the result. Raises StoreUnavailable."""
        keys = await self._credentials.read(subscription.id)
        if keys is None:
            attempt = Attempt(is_delivered=False, is_final=True, text="its address is no longer known")
        else:
            attempt = await self._attempt(delivery, subscription, keys)
        return self._after(delivery, attempt)

    async def _take_in(self) -> None:
        """Create a delivery of each new event for each subscription that wants it.

        Deliveries and the new position in the events are saved in one transaction.
        """
        cursor = await self._outbox.cursor(READER)
        if cursor is None:  # events from before the first start are not delivered
            newest = await self._store.events(limit=1)
            start = Cursor(name=READER, position=newest[0].id if newest else 0)
            await self._outbox.save_deliveries((), start)
            return
        events = await self._outbox.events_after(cursor.position, EVENTS_AT_ONCE)
        if not events:
            return
        subscriptions = await self._outbox.subscriptions()
        deliveries = [
            await self._delivery(event, subscription)
            for event in events
            for subscription in subscriptions
            if subscription.wants(event.action, event.app) and event.at >= subscription.created_at
        ]
        await self._outbox.save_deliveries(tuple(deliveries), replace(cursor, position=events[-1].id))

    async def _delivery(self, event: Event, subscription: Subscription) -> Delivery:
        now = self._clock.now()
        return Delivery(
            id=f"{subscription.id}-{event.id}", subscription=subscription.id, notice=await self._notice(event),
            created_at=now, due_at=now,
        )  # fmt: skip

    async def _notice(self, event: Event) -> Notice:
        """Return the notice of an event with details of its release, read now because the app may be deleted later."""
        text = event.text.partition("\n")[0]  # further lines may be output of the app, which is not sent
        notice = Notice(id=event.id, at=event.at, action=event.action, actor=event.actor, text=text)
        if event.app is None:
            return notice
        repository, number = await self._origin(event.app)
        notice = replace(
            notice, app=event.app, environment=environment_of(event.app).value, repository=repository,
            pull_request=number,
        )  # fmt: skip
        release = await self._store.release(event.app, event.release) if event.release else None
        about = release or await self._store.active_release(event.app)
        urls = await self._urls.now()
        notice = replace(notice, url=urls.of_app(event.app, about.manifest if about else None))
        if release is None:
            return replace(notice, release=event.release)
        failure = None if event.action.endswith(".requested") else release.failure
        return replace(
            notice,
            release=release.version,
            image=release.image,
            digest=release.digest,
            commit=release.source.commit,
            branch=release.source.branch,
            failure_code=failure.code if failure else None,
            failure=failure.what if failure else None,
            next=failure.next if failure else None,
        )

    async def _origin(self, app: str) -> tuple[str | None, int | None]:
        """Return the app's repository and pull request; for a removed preview, those of its last notice to GitHub."""
        known = await self._store.origin_of(app)
        if known is not None or parent_of(app) is None:
            return known or (None, None)
        notices = (it.notice for it in await self._outbox.deliveries(GITHUB, EVENTS_AT_ONCE))
        return next(((it.repository, it.pull_request) for it in notices if it.app == app), (None, None))

    async def _dispatch(self) -> None:
        """Start a task for each subscription that has due deliveries and no task."""
        due: defaultdict[str, list[Delivery]] = defaultdict(list)
        for delivery in await self._outbox.deliveries_due(self._clock.now(), DUE_AT_ONCE):
            due[delivery.subscription].append(delivery)
        for name, deliveries in due.items():
            if name not in self._lanes:
                self._lanes[name] = asyncio.create_task(self._lane(name, deliveries))

    async def _lane(self, name: str, deliveries: list[Delivery]) -> None:
        try:
            subscription = await self._outbox.subscription(name)
            for delivery in deliveries:
                done = await self.send(delivery, subscription) if subscription else self._undeliverable(delivery)
                await self._outbox.update_delivery(done)
        except PvdifyError as error:
            log.warning("courier.failed", subscription=name, code=error.code, what=error.what, why=error.why)
        finally:
            del self._lanes[name]

    async def _attempt(self, delivery: Delivery, subscription: Subscription, keys: Mapping[str, Secret]) -> Attempt:
        try:
            return await self._outlets[subscription.channel].send(delivery, keys)
        except Exception:
            log.exception("courier.crashed", subscription=subscription.id, delivery=delivery.id)
            return Attempt(is_delivered=False, text="pvdify itself failed; its log says how")

    def _undeliverable(self, delivery: Delivery) -> Delivery:
        """Give up a delivery that was recorded while its subscription was being removed."""
        return replace(
            delivery, state=DeliveryState.FAILED, ended_at=self._clock.now(), error="its subscription was removed"
        )

    def _after(self, delivery: Delivery, attempt: Attempt) -> Delivery:
        now = self._clock.now()
        tried = replace(delivery, attempts=delivery.attempts + 1, status=attempt.status, error=attempt.text)
        if attempt.is_delivered:
            return replace(tried, state=DeliveryState.DELIVERED, ended_at=now)
        log.info("delivery.failed", delivery=delivery.id, status=attempt.status, why=attempt.text)
        if attempt.is_final or now - delivery.created_at >= GIVE_UP_AFTER:
            return replace(tried, state=DeliveryState.FAILED, ended_at=now)
        wait = attempt.wait if attempt.wait is not None else BACK_OFF.spread(tried.attempts, self._chance)
        return replace(tried, due_at=now + timedelta(seconds=wait))

    async def _tidy(self) -> None:
        """Delete old deliveries and events, at most once an hour."""
        if self._clock.monotonic() - self._tidied >= TIDY_EVERY:
            self._tidied = self._clock.monotonic()
            await self._outbox.forget_deliveries(self._clock.now() - self._settings.keep_deliveries_for)
            await self._forget_events()

    async def _forget_events(self) -> None:
        """Delete events that are too old or beyond the number to keep, in parts. Undelivered events are kept."""
        settings, clock, outbox = self._settings, self._clock, self._outbox
        cursor = await outbox.cursor(READER)
        if cursor is None:
            return
        before, keep, position = clock.now() - settings.keep_events_for, settings.keep_events, cursor.position
        while await outbox.forget_events(before, keep, position, EVENTS_FORGOTTEN_AT_ONCE):
            await clock.sleep(FORGET_PAUSE)  # so that other writes can proceed
