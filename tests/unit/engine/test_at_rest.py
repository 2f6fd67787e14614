"""The background work of an idle server reads almost nothing, and reacts at once when something is written."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest

from pvdify.engine.notifying.notifications import NotificationRequest
from pvdify.model.edge import EdgeLink
from pvdify.model.event import EventFilter
from pvdify.model.instance import Secret
from pvdify.model.notice import Attempt, Channel
from tests.fakes.machine import ACTOR, Daemon, Machine

IMAGE = "reg.example.com/shop:v1"
HOUR = 3600.0
LINK = EdgeLink(token=Secret("cf-token"))


@asynccontextmanager
async def running(*work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(each) for each in work]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
async def daemon() -> AsyncIterator[Daemon]:
    machine = Machine()
    machine.registry.push(IMAGE)
    daemon = machine.daemon()
    await daemon.deploy(image=IMAGE)
    yield daemon
    await daemon.bury()


async def subscribe(daemon: Daemon, events: str) -> None:
    url = Secret("https://hooks.example.com")
    request = NotificationRequest(channel=Channel.WEBHOOK, url=url, app=None, events=(events,))
    await daemon.notifications.add(request, ACTOR)


def count_reads(machine: Machine) -> list[str]:
    """Record the names of all queries from now on."""
    found: list[str] = []
    known = machine.store._known

    def noting(query: str, values: dict[str, object]) -> tuple[Any, ...] | None:
        found.append(query)
        return known(query, values)

    machine.store._known = noting  # type: ignore[method-assign]
    return found


async def test_an_hour_at_rest_reads_the_store_a_few_dozen_times(daemon: Daemon):
    work = (daemon.courier.run(), daemon.scheduler.run(), daemon.edge.run(), daemon.liveness.run())
    async with running(*work):
        await daemon.machine.clock.sleep(HOUR)
        reads = count_reads(daemon.machine)

        await daemon.machine.clock.sleep(HOUR)

    assert len(reads) <= 60


async def test_an_event_is_delivered_within_two_seconds_after_a_rest(daemon: Daemon):
    await subscribe(daemon, "deploy.*")
    async with running(daemon.courier.run()):
        await daemon.machine.clock.sleep(HOUR)
        await daemon.deploy(image=IMAGE)
        await daemon.machine.clock.sleep(2)

    delivered = daemon.machine.outlets[Channel.WEBHOOK].delivered
    assert "deploy.live" in [it.notice.action for it in delivered]


async def test_a_delivery_that_failed_is_sent_again_though_nothing_is_written(daemon: Daemon):
    await subscribe(daemon, "deploy.live")
    daemon.machine.outlets[Channel.WEBHOOK].attempts.append(Attempt(is_delivered=False, status=500, text="busy"))
    async with running(daemon.courier.run()):
        await daemon.machine.clock.sleep(2)
        await daemon.deploy(image=IMAGE)
        await daemon.machine.clock.sleep(60)

    delivered = daemon.machine.outlets[Channel.WEBHOOK].delivered
    assert [it.notice.action for it in delivered] == ["deploy.live"]


async def test_the_edge_gets_a_new_hostname_within_seconds_after_a_rest(daemon: Daemon):
    await daemon.edge.connect(LINK, ACTOR)
    async with running(daemon.edge.run()):
        await daemon.machine.clock.sleep(HOUR)
        puts = daemon.machine.edge.puts
        await daemon.domains.add("shop", "www.shop.net", ACTOR)
        await daemon.machine.clock.sleep(3)

    assert "www.shop.net" in daemon.machine.edge.hostnames
    assert puts >= HOUR / 300


async def test_a_follower_of_events_gets_a_new_one_within_a_second_after_a_rest(daemon: Daemon):
    activity = daemon.queries.activity
    following = activity.follow(EventFilter(app="shop"), await activity.newest_id())
    first = asyncio.ensure_future(anext(following))
    await daemon.machine.clock.sleep(HOUR)
    reads = count_reads(daemon.machine)
    await daemon.machine.clock.sleep(HOUR)
    assert len(reads) <= HOUR / 30

    await daemon.requests.set_maintenance("shop", ACTOR, is_on=True)
    await daemon.machine.clock.sleep(1)

    assert first.done()
    assert first.result().action == "maintenance.on"


async def test_the_scheduler_detects_a_clock_change_within_seconds():
    machine = Machine()
    machine.registry.push(IMAGE)
    daemon = machine.daemon()
    await daemon.deploy(image=IMAGE, manifest={"jobs": {"report": {"schedule": "0 * * * *", "command": "work"}}})
    async with running(daemon.scheduler.run()):
        await machine.clock.sleep(60)
        machine.clock.set_by(2 * HOUR)
        await machine.clock.sleep(6)

        assert await machine.store.job_runs("shop", limit=10) != ()
    await daemon.bury()
