"""Contract of the ``outlet`` port: it returns how one attempt to deliver a notification ended, and raises no error."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from pvdify.adapters.clock.clock import SystemClock
from pvdify.adapters.httpx2.web import HttpxWeb
from pvdify.adapters.webhooks.outlet import WebhookOutlet
from pvdify.model.action import Action
from pvdify.model.instance import Secret
from pvdify.model.notice import Attempt, Delivery, Notice, attempt_of
from pvdify.ports.outlet import Outlet
from tests.fakes.outlet import FakeOutlet
from tests.fakes.web_server import Reply, WebServer

AT = datetime(2026, 11, 25, 12, tzinfo=UTC)
DELIVERY = Delivery(
    id="s-1", subscription="s", notice=Notice(id=1, at=AT, action=Action.DEPLOY_LIVE, actor="ci"), created_at=AT,
    due_at=AT,
)  # fmt: skip


@dataclass
class World:
    outlet: Outlet
    server: WebServer
    fake: FakeOutlet | None

    @property
    def keys(self) -> dict[str, Secret]:
        return {"url": Secret(self.server.url), "secret": Secret("whsec_MDEyMzQ1Njc4OWFiY2RlZg==")}

    def answer(self, status: int, **headers: str) -> None:
        self.server.replies.append(Reply(status=status, headers=headers))
        if self.fake is not None:
            self.fake.attempts.append(attempt_of(status, headers.get("retry-after")))

    def go_away(self) -> None:
        self.server.__exit__()
        if self.fake is not None:
            self.fake.is_away = True


@pytest.fixture(params=["fake", "webhook"])
async def world(request: pytest.FixtureRequest, server: WebServer):
    if request.param == "fake":
        yield World(fake := FakeOutlet(), server, fake)
        return
    web = HttpxWeb()
    yield World(WebhookOutlet(web, SystemClock()), server, None)
    await web.close()


@pytest.fixture
def server() -> Iterator[WebServer]:
    with WebServer() as server:
        yield server


async def test_an_accepted_notification_is_delivered(world: World):
    attempt = await world.outlet.send(DELIVERY, world.keys)

    assert attempt == Attempt(is_delivered=True, status=200)


@pytest.mark.parametrize(("status", "is_final"), [(500, False), (503, False), (404, True), (302, True)])
async def test_a_refused_notification_says_whether_to_retry(world: World, status: int, is_final: bool):
    world.answer(status)

    attempt = await world.outlet.send(DELIVERY, world.keys)

    assert (attempt.is_delivered, attempt.is_final, attempt.status) == (False, is_final, status)
    assert attempt.text


async def test_retry_after_is_returned(world: World):
    world.answer(429, **{"retry-after": "30"})

    assert (await world.outlet.send(DELIVERY, world.keys)).wait == 30.0


async def test_a_receiver_that_does_not_answer_is_retried(world: World):
    world.go_away()

    attempt = await world.outlet.send(DELIVERY, world.keys)

    assert (attempt.is_delivered, attempt.is_final, attempt.status) == (False, False, None)
    assert attempt.text
