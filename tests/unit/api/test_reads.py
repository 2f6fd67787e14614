"""Reads of apps: a cached answer is never returned once it is out of date."""

import asyncio
import json
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

import pytest
from pydantic_core import to_json

from pvdify.api import translate
from pvdify.engine.reading.views import Views
from pvdify.errors import AppNotFound, PvdifyError
from pvdify.model.event import EventFilter
from pvdify.model.status import AppFacts
from pvdify.model.token import Role
from pvdify.web.answers import json_answer
from tests.support.asgi import Answer
from tests.unit.api.conftest import ADMIN, IMAGE, Api

LookT = TypeVar("LookT")
NAMES = ("blog", "shop", "shop-pr-1")


async def anew(api: Api) -> dict[str, object]:
    """Return each app as it is, computed without any cached answer."""
    statuses = api.engine.queries._statuses
    views = await Views(settings=api.engine.settings, statuses=statuses, store=statuses._store).apps()
    urls = await api.engine.queries.urls()
    return {view.app.name: json.loads(bytes(json_answer(translate.app(view, urls)).body)) for view in views}


async def releases_anew(api: Api, name: str) -> object:
    """Return an app's releases as they are, computed without any kept answer; None without the app."""
    queries = api.engine.queries
    try:
        views, urls = await queries.releases(name, 10), await queries.urls()
    except AppNotFound:
        return None
    return json.loads(to_json([translate.release(view, urls) for view in views]))


async def change(api: Api, chance: random.Random) -> None:
    """Carry out one request. Raises PvdifyError if it is not possible, such as for an app that does not exist."""
    name, requests = chance.choice(NAMES), api.engine.requests
    changes: tuple[Callable[[], Awaitable[object]], ...] = (
        lambda: requests.create_app(name, ADMIN),
        lambda: requests.set_maintenance(name, ADMIN, is_on=chance.random() < 0.5),
        lambda: requests.pause(name, chance.choice((1.0, 30.0)), ADMIN),
        lambda: requests.resume(name, ADMIN),
        lambda: api.daemon.deploy(name, image=IMAGE),
        lambda: requests.destroy_app(name, name, ADMIN, purges=True),  # under way while it is read
        lambda: api.machine.clock.advance(chance.choice((0.5, 5.0, 61.0))),
        lambda: api.engine.domains.add(name, f"{chance.randrange(5)}.example.com", ADMIN),
        lambda: crash(api, chance),
    )
    await chance.choice(changes)()


async def crash(api: Api, chance: random.Random) -> None:
    for name in chance.sample(running := sorted(api.machine.supervisor.running), min(1, len(running))):
        api.machine.supervisor.crash(name)
    await api.daemon.reconciler.reconcile()


async def read_at_rest(
    look: Callable[[], Awaitable[LookT]], read: Callable[[], Awaitable[Answer]]
) -> tuple[LookT, Answer]:  # fmt: skip
    """Return the state, and an answer while that did not change: a destruction may be under way."""
    while True:
        expected, answer = await look(), await read()
        if expected == await look():
            return expected, answer


@pytest.mark.parametrize("seed", range(3))
async def test_after_any_change_every_read_returns_the_current_state(api: Api, seed: int) -> None:
    chance, of_shop = random.Random(seed), await api.make_token(Role.READ)
    shown: set[str] = set()

    for _ in range(40):
        with suppress(PvdifyError):
            await change(api, chance)
        for _ in range(2):  # the second answer is the kept one
            expected, listed = await read_at_rest(lambda: anew(api), lambda: api("GET", "/apps"))
            assert {it["name"]: it for it in listed.json["apps"]} == expected
        for name in NAMES:
            expected, answer = await read_at_rest(
                lambda: anew(api), lambda name=name: api("GET", f"/apps/{name}", authorization=f"Bearer {of_shop}")
            )
            assert (answer.status, answer.json if answer.status == 200 else None) == (
                (200, expected[name]) if name in expected else (404, None)
            )
            releases, listed = await read_at_rest(
                lambda name=name: releases_anew(api, name),
                lambda name=name: api("GET", f"/apps/{name}/releases?limit=10"),
            )
            assert listed.json.get("releases") == releases
        events, listed = await read_at_rest(
            lambda: api.engine.queries.activity.last(EventFilter(), 5), lambda: api("GET", "/events?limit=5")
        )
        assert [it["id"] for it in listed.json["events"]] == [it.id for it in events]
        shown |= {str(it["status"]) for it in expected.values()}

    assert len(shown) > 2


async def test_readers_at_the_same_time_share_the_work(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        await api.engine.requests.create_app(name, ADMIN)
    statuses, asked = api.engine.queries._statuses, []
    facts = statuses.facts

    async def counted(name: str | None = None) -> dict[str, AppFacts]:
        asked.append(name)
        await asyncio.sleep(0)
        return await facts(name)

    monkeypatch.setattr(statuses, "facts", counted)
    answers = await asyncio.gather(*(api("GET", path) for path in ("/apps", "/apps/blog") for _ in range(20)))
    assert [answer.status for answer in answers] == [200] * 40
    assert sorted(asked, key=str) == [None, "blog"]


async def test_readers_who_share_an_error_get_an_answer_each(api: Api) -> None:
    answers = await asyncio.gather(*(api("GET", "/apps/blgo") for _ in range(20)))

    assert {(answer.status, answer.json["code"]) for answer in answers} == {(404, "app-not-found")}
    assert len({answer.json["request_id"] for answer in answers}) == 20


async def test_a_reader_after_a_change_does_not_get_what_began_before_it(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    await api.engine.requests.create_app("blog", ADMIN)
    statuses, read, may_end = api.engine.queries._statuses, asyncio.Event(), asyncio.Event()
    facts = statuses.facts

    async def slow(name: str | None = None) -> dict[str, AppFacts]:
        found = await facts(name)
        if name is None:
            read.set()
            await may_end.wait()
        return found

    monkeypatch.setattr(statuses, "facts", slow)
    early = asyncio.create_task(api("GET", "/apps"))
    await read.wait()
    await api.engine.requests.create_app("shop", ADMIN)
    late = asyncio.create_task(api("GET", "/apps"))
    may_end.set()
    assert [it["name"] for it in (await late).json["apps"]] == ["blog", "shop"]
    assert [it["name"] for it in (await early).json["apps"]] == ["blog"]
    assert [it["name"] for it in (await api("GET", "/apps")).json["apps"]] == ["blog", "shop"]


async def test_a_token_of_one_app_sees_that_app_after_an_admin_has_seen_all(api: Api) -> None:
    for name in ("blog", "shop", "shop-pr-1"):
        await api.engine.requests.create_app(name, ADMIN)
    token = await api.make_token(Role.READ, app="shop")
    assert len((await api("GET", "/apps")).json["apps"]) == 3

    for _ in range(2):
        mine = (await api("GET", "/apps", authorization=f"Bearer {token}")).json["apps"]
        assert [it["name"] for it in mine] == ["shop", "shop-pr-1"]
        assert (await api("GET", "/apps/blog", authorization=f"Bearer {token}")).status == 403
    assert len((await api("GET", "/apps")).json["apps"]) == 3


async def test_a_hold_ends_in_the_list_when_its_time_is_over(api: Api) -> None:
    await api.daemon.deploy("shop", image=IMAGE)
    await api.engine.requests.pause("shop", 30.0, ADMIN)
    (held,) = (await api("GET", "/apps")).json["apps"]

    await api.machine.clock.advance(31.0)

    (live,) = (await api("GET", "/apps")).json["apps"]
    assert (held["status"], live["status"]) == ("held", "live")
