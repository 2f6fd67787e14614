"""Deliveries to PostHog and webhooks, as their own libraries read them, and while the receivers are down."""

import asyncio
import sys

import pytest
from standardwebhooks import Webhook

from pvdify.adapters.clock.clock import SystemClock
from pvdify.adapters.httpx2.web import HttpxWeb
from pvdify.adapters.posthog.outlet import PosthogAnnotations, PosthogEvents
from pvdify.adapters.webhooks.outlet import WebhookOutlet
from pvdify.engine.notifying.courier import Courier
from pvdify.engine.notifying.notifications import NotificationRequest, Notifications
from pvdify.engine.notifying.posthog import Posthog
from pvdify.model.config import ConfigVar
from pvdify.model.instance import Secret
from pvdify.model.notice import Channel, DeliveryState
from tests.fakes.machine import ACTOR, Machine
from tests.fakes.web_server import Reply, WebServer

V1 = "reg.example.com/shop:v1"
NONE, MADE = b'{"results": []}', b'{"results": [{"content": "shop v1 is live (%s)"}]}' % V1.encode()  # annotations
APP = """
import os, posthog
client = posthog.Posthog(os.environ["POSTHOG_KEY"], host=os.environ["POSTHOG_HOST"], sync_mode=True)
client.capture("bought", distinct_id="visitor", properties={"price": 3})
client.shutdown()
"""


@pytest.fixture
async def machine():
    machine = Machine()
    machine.registry.push(V1)
    web = HttpxWeb()
    machine.outlets = {  # type: ignore[assignment]
        Channel.WEBHOOK: WebhookOutlet(web, SystemClock()),
        Channel.POSTHOG: PosthogEvents(web, "server"),
        Channel.POSTHOG_ANNOTATIONS: PosthogAnnotations(web),
    }
    yield machine
    await web.close()


async def deliver(courier: Courier) -> None:
    await courier.deliver_due()
    await courier.idle()


async def run_app(environment: dict[str, str]) -> None:
    """The official library, as an app would use it with what it finds in its environment."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", APP, env=environment)
    assert await asyncio.wait_for(process.wait(), 60) == 0


async def test_an_apps_own_events_and_its_deploys_arrive_in_one_project(machine: Machine):
    daemon = machine.daemon()
    await daemon.courier.deliver_due()
    with WebServer() as server:
        link = Posthog(host=server.url, key=Secret("phc_a"), personal_key=Secret("phx_b"), project="7")
        await daemon.posthog.connect(link, ACTOR)
        await daemon.requests.create_app("shop", ACTOR)
        await daemon.requests.change_config("shop", {"API_KEY": ConfigVar(value=Secret("s3cret-value"))}, ACTOR)
        await daemon.deploy(image=V1)
        await deliver(daemon.courier)
        ours = [arrived for arrived in server.arrived if arrived.path == "/batch/"]
        annotations = [
            arrived for arrived in server.arrived if "annotations" in arrived.path and arrived.method == "POST"
        ]

        spec = machine.supervisor.spec("pvdify-shop-web-v1-1")
        await run_app({key: str(value) for key, value in spec.environment.items()})

    await daemon.bury()
    theirs = [arrived for arrived in server.arrived if arrived.path.startswith("/batch") and arrived not in ours]
    assert [it.json["batch"][0]["event"] for it in ours] == ["pvdify deploy started", "pvdify deploy live"]
    (bought,) = [event for arrived in theirs for event in arrived.json["batch"]]
    assert (bought["event"], bought["properties"]["price"]) == ("bought", 3)
    assert {it.json["api_key"] for it in (*ours, *theirs)} == {"phc_a"}
    # Whatever else the library adds, it needs these of an event, and of the same kind.
    for name in ("event", "distinct_id", "uuid", "timestamp", "properties"):
        assert all(type(it.json["batch"][0][name]) is type(bought[name]) for it in ours), name
    assert [it.json["content"] for it in annotations] == [f"shop v1 is live ({V1})"]
    assert annotations[0].headers["authorization"] == "Bearer phx_b"
    assert all(b"s3cret-value" not in it.content for it in server.arrived)


@pytest.mark.parametrize(
    ("replies", "methods"),
    [
        pytest.param([Reply(content=NONE), Reply(status=504), Reply(content=MADE)], ["GET", "POST", "GET"], id="lost"),
        # The attempt of a killed pvdifyd is not recorded, so this one is the first.
        pytest.param([Reply(content=MADE)], ["GET"], id="killed"),
    ],
)
async def test_an_annotation_that_an_earlier_attempt_made_is_not_made_twice(
    machine: Machine, replies: list[Reply], methods: list[str]
):
    daemon = machine.daemon()
    await daemon.courier.deliver_due()
    with WebServer() as server:
        link = Posthog(host=server.url, key=Secret("phc_a"), personal_key=Secret("phx_b"), project="7")
        await daemon.posthog.connect(link, ACTOR)
        await daemon.world.outbox.delete_subscription("posthog", (await machine.store.events())[0])
        server.replies += replies
        await daemon.deploy(image=V1)
        await deliver(daemon.courier)
        machine.clock.jump(10)
        await deliver(daemon.courier)

    await daemon.bury()
    assert [it.method for it in server.arrived] == methods
    (delivery,) = await daemon.world.outbox.deliveries("posthog-annotations", 10)
    assert delivery.state is DeliveryState.DELIVERED


async def test_with_all_receivers_down_deploys_continue_and_signed_deliveries_follow_later(machine: Machine):
    daemon = machine.daemon()
    notifications = Notifications(
        clock=daemon.world.clock,
        credentials=daemon.world.credentials,
        outbox=daemon.world.outbox,
        store=daemon.world.store,
        courier=daemon.courier,
    )
    await daemon.courier.deliver_due()
    with WebServer() as server:
        url = Secret(f"{server.url}/hook")
        request = NotificationRequest(channel=Channel.WEBHOOK, url=url, events=("deploy.live",))
        subscription, key = await notifications.add(request, ACTOR)
        server.replies += [Reply(status=503), Reply(status=429, headers={"Retry-After": "30"})]

        release = await daemon.deploy(image=V1)
        for _ in range(3):
            await deliver(daemon.courier)
            machine.clock.jump(31)

    await daemon.bury()
    assert release.status.value == "active"
    assert len(server.arrived) == 3
    assert len({it.headers["webhook-id"] for it in server.arrived}) == 1
    read = Webhook(str(key)).verify(server.arrived[-1].content.decode(), server.arrived[-1].headers)
    assert (read["type"], read["data"]["release"]) == ("deploy.live", 1)
    (delivery,) = await notifications.deliveries(subscription.id, 10)
    assert (delivery.state, delivery.attempts) == (DeliveryState.DELIVERED, 3)
