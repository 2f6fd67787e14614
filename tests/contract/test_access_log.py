"""Contract of the ``access_log`` port."""

import json
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import pytest

from pvdify.adapters.clock.clock import SystemClock
from pvdify.adapters.haproxy.access_log import AccessLogFile, parse
from pvdify.model.visit import CutVisits, Visit
from pvdify.ports.access_log import AccessLog
from tests.fakes.access_log import FakeAccessLog

AT = datetime(2026, 11, 25, 9, tzinfo=UTC)


@dataclass
class World:
    log: AccessLog
    visit: Callable[[bytes], None]


def line(number: int, target: str = "shop/v1:1", ended: str = "----") -> bytes:
    return json.dumps({
        "time": f"2026-11-25T09:00:{number:02}.000Z", "request_id": str(number), "client": "203.0.113.7",
        "protocol": "https", "method": "GET", "host": "shop.example.com", "path": "/", "status": 200, "ms": 12,
        "wait_ms": 9, "bytes_in": 117, "bytes_out": 135, "target": target, "retries": "0", "ended": ended,
        "agent": "curl",
    }).encode() + b"\n"  # fmt: skip


@pytest.fixture(params=["fake", "file"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    if request.param == "fake":
        fake = FakeAccessLog()
        return World(fake, lambda text: fake.visits.append(cast("Visit", parse(text))))
    file = tmp_path / "access.log"
    file.touch()

    def write(text: bytes) -> None:
        with file.open("ab") as out:
            out.write(text)

    return World(AccessLogFile(tmp_path, clock=SystemClock(), largest=1 << 20), write)


async def test_the_last_visits_come_oldest_first_of_one_app_if_named(world: World):
    for number in range(4):
        world.visit(line(number, "blog/v1:1" if number == 2 else "shop/v1:1"))

    assert [it.request_id for it in await world.log.tail(3)] == ["1", "2", "3"]
    assert [it.request_id for it in await world.log.tail(2, app="shop")] == ["1", "3"]
    assert await world.log.tail(0) == ()


async def test_visits_are_followed_from_now_on_with_a_sign_when_there_is_none(world: World):
    world.visit(line(0))
    async with aclosing(cast("AsyncGenerator[Visit | None]", world.log.follow(app="shop"))) as visits:
        assert await anext(visits) is None
        world.visit(line(1, "blog/v1:1"))
        world.visit(line(2))

        found = [it async for it in _first(visits)]

    assert [it.request_id for it in found] == ["2"]


async def _first(visits: AsyncGenerator[Visit | None]) -> AsyncGenerator[Visit]:
    async for visit in visits:
        if visit is not None:
            yield visit
            return


async def test_aborted_answers_since_a_time_are_counted_for_one_app(world: World):
    for number, (target, ended) in enumerate((("shop/v1:1", "SD--"), ("shop/v1:1", "----"), ("blog/v1:1", "SD--"))):
        world.visit(line(number, target, ended))
    world.visit(line(5, ended="SD--"))

    assert await world.log.cut("shop", AT, 1) == CutVisits(broken_off=2, ended=0)
    assert await world.log.cut("shop", AT + timedelta(seconds=1), 1) == CutVisits(broken_off=1, ended=0)
    assert await world.log.cut("mail", AT, 1) == CutVisits(broken_off=0, ended=0)


async def test_requests_that_pvdifyd_ended_since_a_time_are_counted_for_one_slot(world: World):
    for number, target in enumerate(("shop/v1:1", "shop/v1:2", "shop/v2:1", "blog/v1:1", "shop/v1:1")):
        world.visit(line(number, target, ended="KD--"))

    assert await world.log.cut("shop", AT, 1) == CutVisits(broken_off=0, ended=3)
    assert await world.log.cut("shop", AT + timedelta(seconds=1), 1) == CutVisits(broken_off=0, ended=2)
    assert await world.log.cut("shop", AT, 2) == CutVisits(broken_off=0, ended=1)


async def test_rotating_a_small_log_loses_nothing(world: World):
    world.visit(line(0))

    await world.log.rotate()

    assert [it.request_id for it in await world.log.tail(5)] == ["0"]
