"""Contract of the ``public`` port, which requests an app's public address."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from pvdify.adapters.httpx2.public import HttpxPublicWeb
from pvdify.model.public import Obstacle, PublicAnswer
from pvdify.ports.public import PublicWeb
from tests.fakes.public import FakePublicWeb
from tests.fakes.router import FakeRouter
from tests.fakes.web_server import Reply, WebServer
from tools.free_port import free_port


@dataclass
class World:
    web: PublicWeb
    url: str
    answer: Callable[[PublicAnswer], None]


@pytest.fixture(params=["fake", "httpx2"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    with WebServer() as server:
        if request.param == "fake":
            fake = FakePublicWeb(FakeRouter())
            yield World(fake, "https://shop.example.com", lambda answer: setattr(fake, "answer", answer))
            return

        def reply(answer: PublicAnswer) -> None:
            server.replies.append(Reply(status=answer.status, headers=answer.headers, content=answer.content))

        yield World(HttpxPublicWeb(), server.url, reply)


async def test_status_headers_and_content_are_returned(world: World):
    world.answer(PublicAnswer(status=403, headers={"cf-mitigated": "challenge"}, content=b"no"))

    found = await world.web.get(f"{world.url}/proof", 10.0)

    assert (found.obstacle, found.status, found.content) == (None, 403, b"no")
    assert found.headers["cf-mitigated"] == "challenge"


async def test_a_redirect_is_an_answer_and_is_not_followed(world: World):
    world.answer(PublicAnswer(status=302, headers={"location": f"{world.url}/elsewhere"}))

    found = await world.web.get(f"{world.url}/", 10.0)

    assert (found.status, found.headers["location"]) == (302, f"{world.url}/elsewhere")


async def test_a_refused_connection_is_a_finding_and_not_an_error():
    found = await HttpxPublicWeb().get(f"http://127.0.0.1:{free_port()}/", 10.0)

    assert (found.obstacle, found.status) == (Obstacle.NO_CONNECTION, 0)
    assert found.text
