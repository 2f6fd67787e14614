"""A stream of a page ends when its session does; a turn ends when there is nothing new."""

import asyncio
from collections.abc import AsyncIterator
from typing import cast

import pytest
from starlette.applications import Starlette
from starlette.responses import Response, StreamingResponse
from starlette.types import Message

from pvdify.daemon.serving import build_listener
from pvdify.dashboard import application, cookies, streams
from pvdify.dashboard.call import Call
from pvdify.dashboard.routes import Page
from pvdify.engine.access.places import Places
from pvdify.engine.access.users import Invitation
from pvdify.model.token import Role
from pvdify.web.answers import EventStream, ServerSentEvent, event_stream
from tests.unit.dashboard.conftest import ADMIN, IMAGE, Site


async def ticks() -> AsyncIterator[ServerSentEvent]:
    while True:
        await asyncio.sleep(0)
        yield ServerSentEvent(data="tick")


async def stream(_call: Call) -> Response:
    return event_stream(ticks())


@pytest.mark.parametrize("loss", ["signed out", "removed", "another role"])
async def test_a_stream_ends_with_the_rights_of_its_reader(
    site: Site, monkeypatch: pytest.MonkeyPatch, loss: str
) -> None:
    monkeypatch.setattr(streams, "CHECK_SECONDS", 0.0)  # the stream has no clock of ours
    page = Page(method="GET", path="/stream", handler=stream, needs=Role.DEPLOY)
    places = Places(8)
    app = Starlette(routes=[application._route(page, site.engine, places, application._shared(site.engine))])
    user, secret = await site.engine.users.invite(Invitation(name="Ada", role=Role.DEPLOY), ADMIN)
    _, text = await site.engine.users.accept(secret, "", "")
    cookie = f"pvdify-{site.engine.settings.server_id}={text}"
    assert cookies.SECURE_NAME not in cookie
    scope = {
        "type": "http", "method": "GET", "path": "/stream", "raw_path": b"/stream", "query_string": b"", "state": {},
        "headers": [(b"host", b"127.0.0.1:9443"), (b"cookie", cookie.encode())], "client": ("127.0.0.1", 1),
        "scheme": "http", "server": ("127.0.0.1", 9443), "http_version": "1.1", "asgi": {"version": "3.0"},
        "root_path": "",
    }  # fmt: skip
    seen: list[Message] = []

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Message) -> None:
        seen.append(message)

    answering = asyncio.create_task(app(scope, receive, send))
    while sum(b"tick" in message.get("body", b"") for message in seen) < 3:
        assert not answering.done()
        await asyncio.sleep(0.001)
    if loss == "signed out":
        await site.engine.users.sign_out(user.id, ADMIN)
    elif loss == "removed":
        await site.engine.users.remove(user.id, ADMIN)
    else:
        await site.engine.users.set_role(user.id, Role.READ, None, ADMIN)

    await asyncio.wait_for(answering, 60)

    assert seen[-1] == {"type": "http.response.body", "body": b"", "more_body": False}
    assert not places._taken


async def test_turn_sends_what_is_new_and_ends_without_a_place_of_a_stream(site: Site) -> None:
    browser = await site.signed_in()
    await site.daemon.deploy("shop", image=IMAGE)
    site.application = build_listener(site.engine, Places(0))

    for _ in range(3):  # until the checks that run in the background are known
        new = await browser.get("/live?seen=&turn=yes")
    line = new.content.decode().partition("id: ")[2].partition("\n")[0]
    same = await browser.get(f"/live?seen={line}&turn=yes")

    assert (await browser.get("/live?seen=")).status == 429
    assert b"shop" in new.content
    assert same.content == b": stream\n\n"


async def test_turn_at_a_silent_log_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "SILENCE_SECONDS", 0.01)

    async def silence() -> AsyncIterator[ServerSentEvent]:
        await asyncio.Event().wait()
        yield ServerSentEvent(data="never")

    response = streams.one_turn(cast("EventStream", event_stream(silence())))

    assert [piece async for piece in cast("StreamingResponse", response).body_iterator] == [b": stream\n\n"]


async def test_turn_at_a_log_without_a_pause_ends_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "TURN_SECONDS", 0.05)
    response = streams.one_turn(cast("EventStream", event_stream(ticks())))

    sent = [piece async for piece in cast("StreamingResponse", response).body_iterator]

    assert b"tick" in sent[-1]
