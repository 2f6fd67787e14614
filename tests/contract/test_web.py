"""Contract of the ``web`` port against a real server on loopback, and how outlets use it."""

import threading
import time

import pytest

from pvdify.adapters.httpx2.public import HttpxPublicWeb
from pvdify.adapters.httpx2.web import HttpxWeb
from pvdify.errors import ServiceUnavailable
from pvdify.model.public import Obstacle
from pvdify.plumbing.web import WebRequest
from tests.fakes.web_server import Reply, WebServer
from tests.support.fake_registry import FakeRegistry


@pytest.fixture
async def web():
    web = HttpxWeb()
    yield web
    await web.close()


async def test_a_request_is_sent_unchanged(web: HttpxWeb):
    with WebServer() as server:
        server.replies.append(Reply(status=201, headers={"X-More": "yes"}, content=b"done"))

        answer = await web.ask(
            WebRequest(method="POST", url=f"{server.url}/a?b=c", headers={"X-One": "1"}, content=b"body")
        )

    assert (answer.status, answer.headers["x-more"], answer.content) == (201, "yes", b"done")
    (arrived,) = server.arrived
    assert (arrived.method, arrived.path, arrived.headers["x-one"], arrived.content) == ("POST", "/a?b=c", "1", b"body")


async def test_a_redirect_is_an_answer_and_is_not_followed(web: HttpxWeb):
    with WebServer() as server:
        server.replies.append(Reply(status=302, headers={"Location": f"{server.url}/elsewhere"}))

        answer = await web.ask(WebRequest(method="POST", url=server.url))

    assert answer.status == 302
    assert len(server.arrived) == 1


async def test_the_deadline_covers_the_whole_request(web: HttpxWeb):
    hold = threading.Event()
    with WebServer() as server:
        server.replies.append(Reply(hold=hold))
        begun = time.monotonic()

        with pytest.raises(ServiceUnavailable) as caught:
            await web.ask(WebRequest(method="GET", url=server.url, timeout=0.2))
        hold.set()

    assert caught.value.why == "no answer within 0.2 s"
    assert time.monotonic() - begun < 60


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/", "http://name.invalid/", "nonsense", "https://127.0.0.1:9/"])
async def test_failures_are_reported_with_a_message_of_pvdify_without_the_address(web: HttpxWeb, url: str):
    with pytest.raises(ServiceUnavailable) as caught:
        await web.ask(WebRequest(method="GET", url=f"{url}?key=s3cret"))

    assert caught.value.why
    assert "s3cret" not in caught.value.render()


async def test_a_public_check_reports_its_finding():
    public = HttpxPublicWeb()
    hold = threading.Event()
    with WebServer() as server:
        server.replies += [Reply(status=302, headers={"Location": "/elsewhere"}, content=b"x" * 9000), Reply(hold=hold)]
        found = await public.get(f"{server.url}/a", 60.0)
        late = await public.get(server.url, 0.2)
        no_tls = await public.get(server.url.replace("http:", "https:"), 60.0)
        hold.set()
    refused = await public.get("http://127.0.0.1:9/", 60.0)
    unknown = await public.get("http://name.invalid/", 60.0)

    assert (found.status, found.headers["location"], len(found.content)) == (302, "/elsewhere", 4096)
    assert [it.obstacle for it in (late, no_tls, refused, unknown)] == [
        Obstacle.TIMEOUT,
        Obstacle.NO_TLS,
        Obstacle.NO_CONNECTION,
        Obstacle.NO_NAME,
    ]


async def test_a_public_check_reports_what_is_wrong_with_a_certificate():
    with FakeRegistry(has_tls=True) as server:
        found = await HttpxPublicWeb().get(f"https://{server.address}/", 60.0)

    assert (found.obstacle, found.text) == (Obstacle.NO_TLS, "self-signed certificate")
