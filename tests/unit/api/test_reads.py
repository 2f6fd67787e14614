"""Reads of apps: a cached answer is never returned once it is out of date."""

import json
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest

from pvdify.api import translate
from pvdify.engine.reading.views import Views
from pvdify.errors import PvdifyError
from pvdify.model.token import Role
from pvdify.web.answers import json_answer
from tests.unit.api.conftest import ADMIN, IMAGE, Api

NAMES = ("blog", "shop", "shop-pr-1")


async def anew(api: Api) -> dict[str, object]:
    """Return each app as it is, computed without any cached answer."""
    statuses = api.engine.queries._statuses
    views = await Views(settings=api.engine.settings, statuses=statuses, store=statuses._store).apps()
    urls = await api.engine.queries.urls()
    return {view.app.name: json.loads(bytes(json_answer(translate.app(view, urls)).body)) for view in views}


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


@pytest.mark.parametrize("seed", range(3))
async def test_after_any_change_every_read_returns_the_current_state(api: Api, seed: int) -> None:
    chance, of_shop = random.Random(seed), await api.make_token(Role.READ)
    shown: set[str] = set()

    for _ in range(40):
        with suppress(PvdifyError):
            await change(api, chance)
        expected = await anew(api)
        for _ in range(2):  # the second answer is the kept one
            listed = {it["name"]: it for it in (await api("GET", "/apps")).json["apps"]}
            assert listed == expected
        for name in NAMES:
            answer = await api("GET", f"/apps/{name}", authorization=f"Bearer {of_shop}")
            assert (answer.status, answer.json if answer.status == 200 else None) == (
                (200, expected[name]) if name in expected else (404, None)
            )
        shown |= {str(it["status"]) for it in expected.values()}

    assert len(shown) > 2


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
