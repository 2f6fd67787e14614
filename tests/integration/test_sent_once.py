"""A request reaches an app once: it is not sent on a closing connection, and not retried once it has begun."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from pvdify.adapters.haproxy import disk
from pvdify.adapters.haproxy.access_log import AccessLogFile
from pvdify.adapters.haproxy.router import HaproxyRouter
from pvdify.adapters.haproxy.runtime_api import RuntimeApi
from pvdify.model.route import Route
from tests.load.hasty import METHODS, UNREPEATABLE, HastyApp, Visitors, begun, most_instances
from tests.load.real_router import RealClock, RouterProcess
from tests.support.endpoints import here

pytestmark = pytest.mark.router
IDLE = 0.1  # seconds; visitors come back as an app of this limit closes their connection
VISITORS, REQUESTS = 40, 25


@pytest.mark.parametrize("instances", [1, 3])
@pytest.mark.parametrize("is_chunked", [False, True])
async def test_no_request_is_lost_when_an_app_closes_idle_connections_as_visitors_come_back(
    router: HaproxyRouter, process: RouterProcess, instances: int, is_chunked: bool
) -> None:
    visitors = Visitors(host=process.listen.host, port=process.listen.port)
    async with serving(router, instances, idle=IDLE) as apps:
        await visitors.come(
            VISITORS, REQUESTS, methods=("GET", *UNREPEATABLE), path="/", pause=IDLE, is_chunked=is_chunked
        )

    assert sum(visitors.answers.values(), Counter()) == {"200": VISITORS * REQUESTS}
    assert set(begun(apps).values()) == {1}


@pytest.mark.parametrize("instances", [1, 3])
@pytest.mark.parametrize("path", ["/close", "/reset"])
async def test_a_request_that_ends_without_an_answer_is_begun_once_whatever_its_method(
    router: HaproxyRouter, process: RouterProcess, instances: int, path: str
) -> None:
    visitors = Visitors(host=process.listen.host, port=process.listen.port)
    async with serving(router, instances) as apps:
        await visitors.come(10, 20, methods=METHODS, path=path)
        counted = sum([(await router.traffic("shop", 1, number)).router_errors for number in range(1, instances + 1)])

    assert sum(visitors.answers.values(), Counter()) == {"502": 200}
    assert (set(begun(apps).values()), most_instances(apps)) == ({1}, 1)
    assert counted == 200


@pytest.mark.parametrize(("path", "reason"), [("/close", "502"), ("/reset", "502"), ("/part", "answer cut off")])
@pytest.mark.parametrize("instances", [1, 3])
async def test_an_aborted_answer_is_logged_with_app_and_release(
    router: HaproxyRouter, process: RouterProcess, path: str, reason: str, instances: int
) -> None:
    begun_at = RealClock().now()
    visitors = Visitors(host=process.listen.host, port=process.listen.port)
    async with serving(router, instances):
        await visitors.come(4, 10, methods=("GET", "POST"), path=path)
    log = AccessLogFile(process.directory, clock=RealClock(), largest=1 << 26)
    async with asyncio.timeout(120):
        while len(found := await log.tail(100)) < 40:
            await asyncio.sleep(0.02)

    assert sum(visitors.answers.values(), Counter()) == {reason: 40}
    assert {(visit.app, visit.slot, visit.is_lost, visit.is_cut) for visit in found} == {
        ("shop", 1, True, path == "/part")
    }
    assert (await log.cut("shop", begun_at, 1)).broken_off == (40 if path == "/part" else 0)


async def test_the_access_log_has_every_request(router: HaproxyRouter, process: RouterProcess) -> None:
    visitors = Visitors(host=process.listen.host, port=process.listen.port)
    async with serving(router, 3):
        await visitors.come(32, 300, methods=("GET", "POST"), path="/")
    file, expected = process.directory / disk.ACCESS_LOG, 32 * 300

    async with asyncio.timeout(60):
        while (found := file.read_bytes().count(b"\n")) < expected:
            await asyncio.sleep(0.05)

    assert found == expected
    assert "DroppedLogs: 0\n" in await RuntimeApi(process.run_dir / "haproxy.sock").ask("show info")


@asynccontextmanager
async def serving(router: HaproxyRouter, instances: int, *, idle: float = 3600.0) -> AsyncIterator[list[HastyApp]]:
    apps = [HastyApp(idle=idle) for _ in range(instances)]
    for app in apps:
        await app.start()
    await router.put(Route(app="shop", hostnames=("shop.test",), slot=1, targets=here(*(app.port for app in apps))))
    yield apps
    for app in apps:
        app.stop()
