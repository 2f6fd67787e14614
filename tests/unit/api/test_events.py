"""GET /events, and which events each token sees."""

import asyncio
import json
from datetime import datetime, timedelta, timezone
from urllib.parse import quote

import pytest

from pvdify.model.action import Action
from pvdify.model.event import Event
from pvdify.model.token import Role
from tests.fakes.router import API_KEY
from tests.support.asgi import ask
from tests.support.waiting import PATIENCE
from tests.unit.api.conftest import Api


async def happened(api: Api, action: str, *, app: str | None = "shop", actor: str = "ci") -> None:
    event = Event(at=api.machine.clock.now(), actor=actor, action=Action(action), app=app)
    await api.machine.store.save(event)


async def actions(api: Api, query: str = "") -> list[str]:
    return [event["action"] for event in (await api("GET", f"/events?{query}")).json["events"]]


@pytest.fixture
async def busy(api: Api) -> Api:
    of_shop = (("domain.added", "shop", "ci"), ("config.changed", "shop", "ann"))
    for action, app, actor in (("deploy.live", "shop", "ci"), ("deploy.failed", "blog", "ci"), *of_shop):
        await happened(api, action, app=app, actor=actor)
        await api.machine.clock.sleep(3600)
    return api


async def test_a_misspelled_kind_is_refused_with_the_nearest_one(busy: Api):
    answer = await busy("GET", "/events?kind=deploy.lvie")

    assert (answer.status, answer.json["code"]) == (422, "invalid-request")
    assert answer.json["why"] == 'did you mean "deploy.live"?'


async def test_events_are_chosen_by_app_actor_kind_and_moment(busy: Api):
    since = (busy.machine.clock.now() - timedelta(hours=2, minutes=30)).isoformat().replace("+00:00", "Z")

    assert await actions(busy, "app=shop&limit=2") == ["config.changed", "domain.added"]
    assert (await actions(busy, "actor=ann")) == ["config.changed"]
    assert await actions(busy, "kind=deploy") == ["deploy.failed", "deploy.live"]
    assert await actions(busy, "kind=deploy.live") == ["deploy.live"]
    assert await actions(busy, f"since={since}") == ["config.changed", "domain.added"]
    for hours in (2, -5):
        there = datetime.fromisoformat(since).astimezone(timezone(timedelta(hours=hours))).isoformat()
        assert await actions(busy, f"since={quote(there)}") == ["config.changed", "domain.added"]
    assert (await busy("GET", "/events?since=soon")).status == 422


async def test_a_path_with_a_slash_at_its_end_is_not_redirected(busy: Api):
    answer = await busy("GET", "/apps/")

    assert (answer.status, answer.json["code"]) == (404, "not-found")


async def test_an_event_says_where_its_request_came_from(api: Api):
    headers = {
        "Authorization": f"Bearer {api.token}", "X-Forwarded-For": "203.0.113.9", "X-Pvdify-Router": API_KEY,
    }  # fmt: skip
    await ask(api.application, "POST", "/api/v1/apps", {"name": "blog"}, headers=headers, client="127.0.0.1")
    await ask(api.local, "POST", "/api/v1/apps", {"name": "shop"})

    events = {it["app"]: it for it in (await api("GET", "/events")).json["events"]}
    assert (events["blog"]["action"], events["blog"]["address"]) == ("app.created", "203.0.113.9")
    assert events["shop"]["address"] == ""


async def test_a_token_for_one_app_sees_that_apps_events_whatever_it_asks_for(busy: Api):
    await busy("POST", "/apps", {"name": "blog"})
    busy.token = await busy.make_token(Role.READ, app="blog")

    assert set(await actions(busy, "app=shop")) == {"deploy.failed", "app.created", "token.created"}


async def test_a_token_for_one_app_sees_the_events_of_the_preview_that_it_asks_for(busy: Api):
    await happened(busy, "preview.opened", app="shop-pr-7")
    await busy("POST", "/apps", {"name": "shop"})
    busy.token = await busy.make_token(Role.READ, app="shop")

    assert await actions(busy, "app=shop-pr-7") == ["preview.opened"]
    assert "preview.opened" not in await actions(busy)


async def followed(api: Api, path: str, count: int, **headers: str) -> list[dict[str, str]]:
    """The first ``count`` events of a stream."""
    sent: list[bytes] = []
    enough = asyncio.Event()

    async def receive() -> dict[str, object]:
        await asyncio.Event().wait()
        return {}

    async def send(message: dict[str, object]) -> None:
        sent.append(message.get("body", b""))  # type: ignore[arg-type]
        if b"".join(sent).count(b"data: ") >= count:
            enough.set()

    path, _, query = path.partition("?")
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
        "path": f"/api/v1{path}", "raw_path": path.encode(), "root_path": "", "query_string": query.encode(),
        "headers": [(b"authorization", f"Bearer {api.token}".encode()),
                    *((name.replace("_", "-").encode(), value.encode()) for name, value in headers.items())],
        "client": None, "server": ("127.0.0.1", 9443),
    }  # fmt: skip
    asking = asyncio.create_task(api.application(scope, receive, send))  # type: ignore[arg-type]
    async with asyncio.timeout(PATIENCE):
        await enough.wait()
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    blocks = b"".join(sent).decode().split("\n\n")
    events = [dict(line.split(": ", 1) for line in it.splitlines() if not line.startswith(":")) for it in blocks]
    return [event for event in events if event]


async def test_following_events_lists_old_ones_then_new_ones_and_resumes_after_the_last_event_id(busy: Api):
    first = await followed(busy, "/events?follow=1&kind=deploy&limit=1", 1)
    await happened(busy, "config.changed")
    await happened(busy, "deploy.live")

    again = await followed(busy, "/events?follow=1&kind=deploy&limit=1", 1, last_event_id=first[0]["id"])

    assert [json.loads(event["data"])["action"] for event in (*first, *again)] == ["deploy.failed", "deploy.live"]
    assert int(again[0]["id"]) > int(first[0]["id"])


async def test_an_invalid_last_event_id_starts_from_the_beginning(busy: Api):
    for seen in ("x", "9" * 40):
        shown = await followed(busy, "/events?follow=1&actor=ann", 1, last_event_id=seen)
        assert json.loads(shown[0]["data"])["action"] == "config.changed"
