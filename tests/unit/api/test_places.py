"""Limits on streams that one token and one app may have open at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from pvdify.api.application import build_application
from pvdify.engine.access import places
from pvdify.model.token import Role
from pvdify.web import body
from tests.support.asgi import Answer, ask
from tests.unit.api.conftest import Api

LOGS = "/api/v1/apps/shop/logs?follow=1"


@asynccontextmanager
async def streaming(api: Api, count: int, token: str, *, is_local: bool = False) -> AsyncIterator[None]:
    """Open this many followed log streams."""
    application = api.local if is_local else api.application
    headers = {} if is_local else {"authorization": f"Bearer {token}"}
    begun = [asyncio.Event() for _ in range(count)]
    streams = [asyncio.create_task(_stream(application, LOGS, headers, it)) for it in begun]
    try:
        await asyncio.gather(*(it.wait() for it in begun))
        yield
    finally:
        for stream in streams:
            stream.cancel()
        await asyncio.gather(*streams, return_exceptions=True)


async def _stream(application: object, path: str, headers: dict[str, str], begun: asyncio.Event) -> None:
    async def receive() -> dict[str, object]:
        await asyncio.Event().wait()
        return {}

    async def send(message: dict[str, object]) -> None:
        if message["type"] == "http.response.start":
            assert message["status"] == 200
            begun.set()

    path, _, query = path.partition("?")
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
        "path": path, "raw_path": path.encode(), "root_path": "", "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": None, "server": ("127.0.0.1", 9443),
    }  # fmt: skip
    await application(scope, receive, send)  # type: ignore[operator]


async def as_token(api: Api, token: str, path: str = LOGS) -> Answer:
    return await ask(api.application, "GET", path, headers={"authorization": f"Bearer {token}"})


async def test_streams_are_limited_per_token(api: Api) -> None:
    await api.daemon.deploy()
    reader = await api.make_token(Role.READ, "shop")

    async with streaming(api, places.STREAMS_OF_TOKEN, reader):
        refused = await as_token(api, reader)
        others = await as_token(api, reader, "/api/v1/apps/shop")
        async with streaming(api, 1, await api.make_token(Role.READ, "shop")):
            pass

    assert (refused.status, refused.json["code"]) == (429, "too-many-requests")
    assert refused.headers["retry-after"] == "5"
    assert others.status == 200


async def test_ended_streams_free_their_places(api: Api) -> None:
    await api.daemon.deploy()

    for _ in range(3):
        async with streaming(api, places.STREAMS_OF_TOKEN, api.token):
            pass


async def test_streams_of_an_app_are_limited_over_all_tokens(api: Api) -> None:
    await api.daemon.deploy()
    tokens = [await api.make_token(Role.READ) for _ in range(places.STREAMS_OF_APP // places.STREAMS_OF_TOKEN)]

    async with (
        streaming(api, places.STREAMS_OF_TOKEN, tokens[0]),
        streaming(api, places.STREAMS_OF_TOKEN, tokens[1]),
        streaming(api, places.STREAMS_OF_TOKEN, tokens[2]),
        streaming(api, places.STREAMS_OF_TOKEN, tokens[3]),
    ):
        refused = await as_token(api, api.token)

    assert refused.status == 429
    assert "of the app shop" in refused.json["why"]


async def test_the_total_of_streams_leaves_room_for_requests(api: Api) -> None:
    await api.daemon.deploy()
    engine_of = build_application(api.engine, is_local=False, streams=0)

    refused = await ask(engine_of, "GET", LOGS, headers={"authorization": f"Bearer {api.token}"})

    assert (refused.status, refused.json["why"]) == (
        429, "0 streams of all clients are open, which is the limit",
    )  # fmt: skip


async def test_root_has_no_limit_of_streams(api: Api) -> None:
    await api.daemon.deploy()

    async with streaming(api, places.STREAMS_OF_TOKEN + 1, "", is_local=True):
        pass


async def test_a_body_has_a_time_limit(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body, "BODY_SECONDS", 0.0)  # no clock of ours is in a request

    answer = await _posted(api, [{"type": "http.request", "body": b"{", "more_body": True}])

    assert answer == 408


async def test_a_client_that_disconnects_during_its_body_is_no_internal_error(api: Api) -> None:
    messages: list[dict[str, object]] = [
        {"type": "http.request", "body": b"{", "more_body": True},
        {"type": "http.disconnect"},
    ]

    assert await _posted(api, messages) == 400


async def _posted(api: Api, messages: list[dict[str, object]]) -> object:
    sent: list[dict[str, object]] = []

    async def receive() -> dict[str, object]:
        if not messages:
            await asyncio.Event().wait()
        return messages.pop(0)

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    path = "/api/v1/apps"
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
        "path": path, "raw_path": path.encode(), "root_path": "", "query_string": b"",
        "headers": [(b"authorization", f"Bearer {api.token}".encode())], "client": None, "server": ("127.0.0.1", 9443),
    }  # fmt: skip
    await api.application(scope, receive, send)  # type: ignore[arg-type]
    return sent[0]["status"]
