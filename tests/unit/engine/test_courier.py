"""Deliveries of events to webhooks: each once, in the right form, and without delaying a deploy."""

import random
from datetime import timedelta

import pytest

from pvdify.engine.notifying.notifications import NotificationRequest
from pvdify.errors import (
    AppNotFound,
    InvalidError,
    InvalidSetting,
    InvalidWebAddress,
    NotificationNotFound,
    StoreUnavailable,
)
from pvdify.model.event import Event
from pvdify.model.instance import Secret
from pvdify.model.notice import BACK_OFF, Attempt, Channel, DeliveryState
from tests.fakes.machine import ACTOR, Daemon, Machine

V1 = "reg.example.com/shop:v1"
URL = Secret("https://hooks.example.com/services/T0/s3cret")


@pytest.fixture
async def machine():
    machine = Machine()
    machine.registry.push(V1)
    return machine


@pytest.fixture
async def daemon(machine: Machine):
    daemon = machine.daemon()
    await daemon.courier.deliver_due()
    yield daemon
    await daemon.bury()


async def subscribe(daemon: Daemon, *events: str, channel: Channel = Channel.WEBHOOK, app: str | None = None) -> str:
    request = NotificationRequest(channel=channel, url=URL, app=app, events=events)
    return (await daemon.notifications.add(request, ACTOR))[0].id


async def deliver_due(daemon: Daemon, seconds: float = 0.0) -> None:
    """Advance the clock by this many seconds, and let the courier send what is due."""
    daemon.machine.clock.jump(seconds)
    await daemon.courier.deliver_due()
    await daemon.courier.idle()


def delivered_actions(machine: Machine, channel: Channel = Channel.WEBHOOK) -> list[str]:
    return [delivery.notice.action for delivery in machine.outlets[channel].delivered]


async def test_a_deploy_is_delivered_with_its_source(machine: Machine, daemon: Daemon):
    await subscribe(daemon, "deploy.*")

    await daemon.deploy(image=V1, commit="abc123", branch="main")
    await deliver_due(daemon)

    assert delivered_actions(machine) == ["deploy.requested", "deploy.live"]
    notice = machine.outlets[Channel.WEBHOOK].delivered[1].notice
    assert (notice.app, notice.release, notice.image, notice.commit) == ("shop", 1, V1, "abc123")
    assert notice.url == "https://shop.example.com"
    assert notice.headline == "shop v1 is live"
    assert machine.outlets[Channel.WEBHOOK].keys[0]["url"] == URL


async def test_a_failed_deploy_is_delivered_with_its_cause_and_without_the_apps_output(
    machine: Machine, daemon: Daemon
):
    await subscribe(daemon)

    await daemon.deploy(image="reg.example.com/shop:missing")
    await deliver_due(daemon)

    notice = machine.outlets[Channel.WEBHOOK].delivered[0].notice
    assert (notice.action, notice.failure_code, notice.is_bad) == ("deploy.failed", "image-not-found", True)
    release = await machine.store.release("shop", 1)
    assert release is not None
    assert release.failure is not None
    assert not hasattr(notice, "why")
    assert notice.headline == f"shop v1 failed: {release.failure.what}"


async def test_only_subscribed_apps_with_their_previews_and_events_are_delivered(machine: Machine, daemon: Daemon):
    for app in ("shop", "blog"):
        await daemon.requests.create_app(app, ACTOR)
    await subscribe(daemon, "deploy.live", app="shop")

    for app in ("shop", "blog", "shop-pr-7"):
        await daemon.deploy(app=app, image=V1)
    await deliver_due(daemon)

    delivered = machine.outlets[Channel.WEBHOOK].delivered
    assert [(it.notice.action, it.notice.app) for it in delivered] == [
        ("deploy.live", "shop"),
        ("deploy.live", "shop-pr-7"),
    ]


async def test_earlier_events_are_not_delivered(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1)
    machine.clock.jump(1)

    await subscribe(daemon, "deploy.*")
    await deliver_due(daemon)

    assert delivered_actions(machine) == []


async def test_each_event_is_delivered_once_wherever_the_daemon_is_killed(machine: Machine, daemon: Daemon):
    await subscribe(daemon, "deploy.live")
    await daemon.deploy(image=V1)

    for _ in range(3):  # a successor that knows nothing but what is on disk
        successor = machine.daemon()
        await deliver_due(successor)

    assert delivered_actions(machine) == ["deploy.live"]


async def test_a_queued_delivery_survives_a_restart(machine: Machine, daemon: Daemon):
    await subscribe(daemon, "deploy.live")
    await daemon.deploy(image=V1)
    machine.outlets[Channel.WEBHOOK].is_away = True
    await deliver_due(daemon)
    machine.outlets[Channel.WEBHOOK].is_away = False

    await deliver_due(machine.daemon(), seconds=10)

    assert delivered_actions(machine) == ["deploy.live"]


async def test_an_unreachable_receiver_is_retried_with_growing_pauses_under_the_same_id(
    machine: Machine, daemon: Daemon
):
    id = await subscribe(daemon, "deploy.live")
    outlet = machine.outlets[Channel.WEBHOOK]
    outlet.is_away = True
    await daemon.deploy(image=V1)
    await deliver_due(daemon)

    pauses = []
    for _ in range(6):
        (pending,) = await daemon.notifications.deliveries(id, 10)
        pauses.append((pending.due_at - machine.clock.now()).total_seconds())
        await deliver_due(daemon, seconds=pauses[-1] - 0.1)
        await deliver_due(daemon, seconds=0.2)

    assert len(outlet.tried) == 7
    assert len({delivery.id for delivery in outlet.tried}) == 1
    assert all(first < second for first, second in zip(pauses, pauses[2:], strict=False))
    assert 1.0 <= pauses[0] <= 2.0
    outlet.is_away = False
    await deliver_due(daemon, seconds=3600)
    assert delivered_actions(machine) == ["deploy.live"]


def test_pauses_are_spread_and_bounded():
    chance = random.Random(1)

    drawn = [BACK_OFF.spread(100, chance) for _ in range(100)]

    assert all(900 <= pause <= 1800 for pause in drawn)
    assert len(set(drawn)) == 100


async def test_a_delivery_is_given_up_after_a_day_and_logged(machine: Machine, daemon: Daemon):
    id = await subscribe(daemon, "deploy.live")
    machine.outlets[Channel.WEBHOOK].is_away = True
    await daemon.deploy(image=V1)
    await deliver_due(daemon)

    await deliver_due(daemon, seconds=25 * 3600)

    (delivery,) = await daemon.notifications.deliveries(id, 10)
    assert (delivery.state, delivery.attempts, delivery.error) == (DeliveryState.FAILED, 2, "connection refused")
    await deliver_due(daemon, seconds=3600)
    assert len(machine.outlets[Channel.WEBHOOK].tried) == 2


async def test_a_refusal_is_not_retried_and_retry_after_is_honoured(machine: Machine, daemon: Daemon):
    id = await subscribe(daemon, "deploy.*")
    outlet = machine.outlets[Channel.WEBHOOK]
    outlet.attempts += [
        Attempt(is_delivered=False, is_final=True, status=410, text="answered 410"),
        Attempt(is_delivered=False, status=429, text="answered 429", wait=90.0),
    ]

    await daemon.deploy(image=V1)
    await deliver_due(daemon)

    second, first = await daemon.notifications.deliveries(id, 10)
    assert (first.state, first.status) == (DeliveryState.FAILED, 410)
    assert second.due_at == machine.clock.now() + timedelta(seconds=90)


async def test_an_unreachable_receiver_does_not_delay_others(machine: Machine, daemon: Daemon):
    await subscribe(daemon, "deploy.live")
    await subscribe(daemon, "deploy.live", channel=Channel.SLACK)
    machine.outlets[Channel.WEBHOOK].is_away = True
    machine.outlets[Channel.SLACK].attempts.append(RuntimeError("a fault of ours"))

    await daemon.deploy(image=V1)
    await deliver_due(daemon)
    await deliver_due(daemon, seconds=5)

    assert delivered_actions(machine, Channel.SLACK) == ["deploy.live"]
    assert delivered_actions(machine) == []


async def test_a_deploy_is_not_delayed_by_unreachable_receivers(machine: Machine, daemon: Daemon):
    class Broken:
        def __getattr__(self, name: str):
            raise StoreUnavailable("the outbox is broken")

    await subscribe(daemon, "*")
    before = machine.clock.monotonic()
    await daemon.deploy(image=V1)
    alone = machine.clock.monotonic() - before
    for outlet in machine.outlets.values():
        outlet.is_away = True
    machine.outbox = Broken()  # type: ignore[assignment]
    restarted = machine.daemon()

    before = machine.clock.monotonic()
    release = await restarted.deploy(image=V1)
    await restarted.courier.deliver_due()

    assert release.status.value == "active"
    assert machine.clock.monotonic() - before <= alone + 0.1
    await restarted.bury()


async def test_a_test_notification_is_sent_at_once_and_returns_its_result(machine: Machine, daemon: Daemon):
    id = await subscribe(daemon)
    machine.outlets[Channel.WEBHOOK].attempts.append(
        Attempt(is_delivered=False, status=404, is_final=True, text="answered 404")
    )

    failed = await daemon.notifications.test(id, ACTOR)
    good = await daemon.notifications.test(id, ACTOR)

    assert (failed.state, failed.error) == (DeliveryState.FAILED, "answered 404")
    assert good.state is DeliveryState.DELIVERED
    assert await daemon.notifications.deliveries(id, 10) == (good, failed)


async def test_a_removed_subscription_gets_no_delivery_and_its_keys_are_deleted(machine: Machine, daemon: Daemon):
    id = await subscribe(daemon, "deploy.live")
    machine.outlets[Channel.WEBHOOK].is_away = True
    await daemon.deploy(image=V1)
    await deliver_due(daemon)
    machine.outlets[Channel.WEBHOOK].is_away = False

    await daemon.notifications.remove(id, ACTOR)
    await deliver_due(daemon, seconds=3600)

    assert delivered_actions(machine) == []
    assert machine.credentials.kept == {}
    with pytest.raises(NotificationNotFound):
        await daemon.notifications.test(id, ACTOR)


async def test_a_delivery_recorded_during_the_removal_of_its_subscription_ends(machine: Machine, daemon: Daemon):
    id = await subscribe(daemon, "deploy.live")
    machine.outlets[Channel.WEBHOOK].is_away = True
    await daemon.deploy(image=V1)
    await deliver_due(daemon)
    late = await machine.store.deliveries(id, 1)
    await daemon.notifications.remove(id, ACTOR)
    await machine.store.save_deliveries(late)

    await deliver_due(daemon, seconds=3600)

    (ended,) = await machine.store.deliveries(id, 10)
    assert (ended.state, ended.error) == (DeliveryState.FAILED, "its subscription was removed")
    assert await machine.store.pending() == 0


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("ftp://example.com", "does not begin with https://HOST"),
        ("https://", "does not begin with https://HOST"),
        ("http://example.com/hook", "not encrypted"),
        ("https://user:pass@example.com/", "a user name"),
        ("https://example.com/a b", "some that no address has"),
        ("https://example.com:99999/", "out of range"),
    ],
)
async def test_an_unsafe_webhook_url_is_refused_without_repeating_it(daemon: Daemon, url: str, why: str):
    with pytest.raises(InvalidWebAddress) as caught:
        await daemon.notifications.add(NotificationRequest(channel=Channel.SLACK, url=Secret(url)), ACTOR)

    assert why in caught.value.why
    assert "pass" not in caught.value.render()


async def test_unknown_events_and_apps_are_refused(daemon: Daemon):
    with pytest.raises(InvalidError) as caught:
        await subscribe(daemon, "deploys.live", "deploy", "deploy.live")
    with pytest.raises(AppNotFound):
        await subscribe(daemon, app="nowhere")

    assert len(caught.value.details["problems"]) == 2  # type: ignore[arg-type]


async def test_only_the_beginning_of_a_webhook_url_is_visible(machine: Machine, daemon: Daemon):
    await subscribe(daemon)

    (subscription,) = await daemon.notifications.list()

    assert subscription.address == "https://hooks.example.com/…"
    assert "s3cret" not in repr(await machine.store.events())


async def filled(count: int, **settings: str) -> tuple[Machine, Daemon]:
    """Return a server with this many events, one for each hour."""
    machine = Machine(**settings)
    daemon = machine.daemon()
    await daemon.courier.deliver_due()
    first = machine.clock.now()
    events = [
        Event(at=first + timedelta(hours=number), actor="ci", action="config.changed", app="shop", text=str(number))
        for number in range(count)
    ]
    await machine.store.save(*events)
    machine.clock.jump(timedelta(hours=count).total_seconds())
    for _ in range(count // 200 + 1):
        await daemon.courier.deliver_due()
    return machine, daemon


async def kept(machine: Machine) -> list[int]:
    return sorted(int(event.text) for event in await machine.store.events(limit=100_000))


async def test_the_newest_events_are_kept_and_no_more():
    machine, daemon = await filled(1300, keep_events="1000", keep_events_for="3650d")

    await deliver_due(daemon, 3601)

    assert await kept(machine) == list(range(300, 1300))
    await daemon.bury()


async def test_events_are_deleted_after_their_retention():
    machine, daemon = await filled(96, keep_events_for="2d")

    await deliver_due(daemon, 3601)

    assert await kept(machine) == list(range(50, 96))
    await daemon.bury()


async def test_many_events_are_deleted_in_batches():
    machine, daemon = await filled(12_000, keep_events="1000")

    await deliver_due(daemon, 3601)

    assert len(await kept(machine)) == 1000
    await daemon.bury()


async def test_an_undelivered_event_is_kept_however_old():
    machine, daemon = await filled(5, keep_events_for="1d")
    late = Event(at=machine.clock.now() - timedelta(days=30), actor="ci", action="config.changed", text="99")
    await machine.store.save(late)

    await daemon.world.outbox.forget_events(machine.clock.now(), 1000, 5, 5000)

    assert await kept(machine) == [99]
    await daemon.bury()


@pytest.mark.parametrize(
    ("name", "value"),
    [("keep_events", "999"), ("keep_events", "-1"), ("keep_events", "many"), ("keep_events_for", "23h"),
     ("keep_events_for", "3661d"), ("most_orphans", "1001")],
)  # fmt: skip
def test_retention_settings_have_bounds(name: str, value: str):
    with pytest.raises(InvalidSetting):
        Machine(**{name: value})
