"""A real router under strict load: a switch, a replaced router or an ended instance fails no request."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from pvdify.adapters.haproxy.router import HaproxyRouter
from pvdify.model.route import Route, Traffic
from tests.load import GET, POST, Load, Shape
from tests.load.backend import Backend
from tests.load.real_router import RouterProcess
from tests.support.endpoints import here

pytestmark = pytest.mark.router
CHECKOUT = Path(__file__).parents[2]
SLOW_POST = Shape(name="slow-post", method="POST", path="/slow?ms=1500", body_size=10)


@asynccontextmanager
async def release(version: str) -> AsyncIterator[int]:
    """A process that serves as this release; the port it listens on."""
    arguments = ("-m", "tests.load.backend", "--version", version)
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, stdout=asyncio.subprocess.PIPE, cwd=CHECKOUT
    )
    assert process.stdout is not None
    try:
        yield int(await process.stdout.readline())
    finally:
        process.terminate()
        await process.wait()


def shop(slot: int, *targets: int) -> Route:
    return Route(app="shop", hostnames=("shop.test", "www.shop.test"), slot=slot, targets=here(*targets))


async def settle(router: HaproxyRouter, slot: int) -> Traffic:
    """What was counted once nothing is in flight any more."""
    while (traffic := await router.traffic("shop", slot)).in_flight:
        await asyncio.sleep(0.02)
    return traffic


async def test_forty_switches_fail_no_request_and_the_router_counts_exactly(
    router: HaproxyRouter, process: RouterProcess
) -> None:
    async with release("v1") as one, release("v2") as two:
        ports = {1: one, 2: two}
        await router.put(shop(1, one))
        late = 0
        async with Load(str(process.listen), "shop.test", clients=32, websockets=2) as load:
            for turn in range(40):
                slot = turn % 2 + 1
                await router.put(shop(slot, ports[slot]))
                switched = load.now()
                await asyncio.sleep(0.1)
                late += sum(who != f"v{slot}" for start, _, who in load.report.answered if start > switched)
            report = await load.stop()

        assert report.failures == []
        assert report.requests > 2000
        assert min(report.by_version["v1"], report.by_version["v2"]) > 500
        assert late == 0
        assert report.websocket_messages > 100
        counted = [await settle(router, slot) for slot in (1, 2)]
        # Both WebSockets were opened while one of the two was live, and count as one request each.
        assert sum(traffic.requests for traffic in counted) == report.requests + 2
        assert [traffic.router_errors + traffic.app_errors for traffic in counted] == [0, 0]


async def test_the_old_release_can_stop_once_nothing_is_in_flight(
    router: HaproxyRouter, process: RouterProcess
) -> None:
    async with release("v1") as one:
        await router.put(shop(1, one))
        load = Load(str(process.listen), "shop.test", clients=32)
        await load.__aenter__()
        for slot in range(2, 8):
            async with release(f"v{slot}") as new:
                await router.put(shop(slot, new))
                await asyncio.sleep(0.3)
                await router.put(shop(1, one))
                await settle(router, slot)
                await asyncio.sleep(1.0)
                assert (await router.traffic("shop", slot)).in_flight == 0
            await router.forget("shop", slot)
        report = await load.stop()

    assert report.failures == []
    assert all(report.by_version[f"v{slot}"] > 0 for slot in range(1, 8))


async def test_requests_are_spread_evenly_over_instances(router: HaproxyRouter, process: RouterProcess) -> None:
    backends = [Backend(version=f"web.{number}") for number in range(1, 4)]
    for backend in backends:
        await backend.start()
    await router.put(shop(1, *(backend.port for backend in backends)))

    async with Load(str(process.listen), "shop.test", clients=32, mix=(GET, POST)) as load:
        await asyncio.sleep(1)
        report = await load.stop()

    assert report.failures == []
    shares = [count / report.requests for count in report.by_version.values()]
    assert len(shares) == 3
    assert min(shares) > 0.28
    assert (await settle(router, 1)).requests == report.requests
    for backend in backends:
        await backend.stop()


async def test_a_slow_instance_gets_fewer_requests(router: HaproxyRouter, process: RouterProcess) -> None:
    """Of two drawn at random the less busy one serves: 32 clients would queue half of their requests at random."""
    slow, fast = Backend(version="slow", delay=2.0), Backend(version="fast", delay=0.2)
    for backend in (slow, fast):
        await backend.start()
    await router.put(shop(1, slow.port, fast.port))

    async with Load(str(process.listen), "shop.test", clients=32, mix=(GET,)) as load:
        async with asyncio.timeout(60):
            while load.report.by_version["fast"] < 200:
                await asyncio.sleep(0.1)
        report = await load.stop()

    assert report.failures == []
    assert report.by_version["fast"] > 5 * report.by_version["slow"] > 0
    for backend in (slow, fast):
        await backend.stop()


async def test_adding_and_removing_instances_fails_no_request(router: HaproxyRouter, process: RouterProcess) -> None:
    async with release("a") as one, release("b") as two, release("c") as three:
        await router.put(shop(1, one))
        async with Load(str(process.listen), "shop.test", clients=32) as load:
            for targets in [(one, two), (one, two, three), (three, one), (two,), (two, three, one)] * 3:
                await router.put(shop(1, *targets))
                await asyncio.sleep(0.05)
            report = await load.stop()

        assert report.failures == []
        assert set(report.by_version) == {"a", "b", "c"}


async def test_a_killed_router_is_restarted_with_the_right_route(router: HaproxyRouter, process: RouterProcess) -> None:
    async with release("v1") as one, release("v2") as two:
        await router.put(shop(1, one))
        await router.put(shop(2, two))

        async def guard() -> None:
            while True:
                await router.wait_died()
                await router.ensure_running()

        guarding = asyncio.create_task(guard())
        async with Load(str(process.listen), "shop.test", clients=16, mix=(GET, POST)) as load:
            await asyncio.sleep(0.3)
            killed = load.now()
            await process.kill()
            await asyncio.sleep(0.7)
            report = await load.stop()
        guarding.cancel()

        first = min(end for start, end, _ in report.answered if start > killed)
        assert first - killed < 0.5
        assert set(report.by_version) == {"v2"}
        assert max(failure.failed for failure in report.failures) - killed < 0.5


async def replaced_by(router: HaproxyRouter, process: RouterProcess) -> None:
    """Another token is another configuration, as an upgrade brings one; the address stays, and with it the socket."""
    (process.directory / "confirm.token").unlink()
    before = process.pids()
    await router.ensure_running()
    assert process.pids() != before


async def test_replacing_the_router_fails_no_request_and_loses_no_count(process: RouterProcess) -> None:
    first = process.connect()
    await first.ensure_running()
    async with release("v1") as one, release("v2") as two:
        await first.put(shop(1, one))
        slow = Load(str(process.listen), "shop.test", clients=1, mix=(SLOW_POST,))
        async with slow, Load(str(process.listen), "shop.test", clients=32, websockets=1) as load:
            await asyncio.sleep(0.3)
            newer = process.connect()
            await replaced_by(newer, process)
            stopping = asyncio.create_task(slow.stop())
            await newer.put(shop(2, two))
            in_flight = (await newer.traffic("shop", 1)).in_flight
            await asyncio.sleep(0.5)
            for _ in range(3):  # and back and forth
                await replaced_by(first, process)
                await asyncio.sleep(0.2)
                await replaced_by(newer, process)
                await asyncio.sleep(0.2)
            report = await load.stop()
            slow_report = await stopping
        await settle(newer, 1)

        assert in_flight >= 2  # the slow request and the WebSocket, both in the first process
        assert report.failures == []
        assert slow_report.failures == []
        assert slow_report.requests > 0
        assert set(report.by_version) == {"v1", "v2"}
        await newer.ensure_running()
        await asyncio.sleep(0.5)
        await first.close()
        await newer.close()
