"""One of several instances is killed: requests it refuses go to another, and only requests in flight fail."""

import asyncio
import socket
import stat
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from pvdify.adapters.haproxy.access_log import AccessLogFile
from pvdify.adapters.haproxy.router import HaproxyRouter
from pvdify.model.route import Route, Traffic
from pvdify.model.visit import Visit
from tests.load import Load
from tests.load.backend import Backend
from tests.load.real_router import RealClock, RouterProcess
from tests.load.shapes import GET, SLOW
from tests.support.endpoints import here
from tests.support.waiting import until
from tools.free_port import free_port

pytestmark = pytest.mark.router
Answering = Callable[[str, str], Awaitable[bytes]]
CLIENTS = 12
REQUESTS = 24  # enough that some go to the dead instance first


async def test_killing_one_of_three_instances_under_load_loses_only_requests_in_flight(
    router: HaproxyRouter, process: RouterProcess
) -> None:
    apps = [await app_process(name) for name in ("first", "second", "third")]
    await router.put(shop(*(port for _, port in apps)))
    async with Load(str(process.listen), "shop.test", clients=CLIENTS, mix=(GET, SLOW)) as load:
        await until(lambda: {"first", "second", "third"} <= load.report.by_version.keys())

        apps[0][0].kill()
        await apps[0][0].wait()
        killed = load.now()
        await until(lambda: sum(start > killed for start, _, _ in load.report.answered) > 300)
        await router.put(shop(*(port for _, port in apps[1:]), numbers=(2, 3)))
        report = await load.stop()

    assert len(report.failures) <= CLIENTS
    assert all(failure.started <= killed for failure in report.failures)
    assert report.answered_by("first", started_after=killed) == 0
    assert await ended(router) == Traffic(requests=report.requests, router_errors=len(report.failures))
    for number in (1, 2, 3):
        await ended(router, number)
    for app, _ in apps[1:]:
        app.kill()
        await app.wait()


@pytest.mark.parametrize("dead", [1, 2, 3])
async def test_a_refused_request_with_a_body_is_sent_to_another_instance(
    router: HaproxyRouter, process: RouterProcess, dead: int
) -> None:
    backend = Backend(version="v1")
    await backend.start()
    await router.put(shop(*(free_port() for _ in range(dead)), backend.port))

    body = b"x" * 70_000  # more than the router can hold
    answers = [await exchange(process, "POST", "/echo", body) for _ in range(REQUESTS)]

    assert all(answer.startswith("HTTP/1.1 200") and answer.endswith("\r\n\r\n" + body.decode()) for answer in answers)
    assert backend.served == REQUESTS
    found = await visits(process, REQUESTS)
    assert len(found) == REQUESTS
    assert {visit.target for visit in found} == {f"shop/v1:{dead + 1}"}
    assert max(visit.retries for visit in found) == 1
    assert await ended(router) == Traffic(requests=REQUESTS)
    await backend.stop()


async def test_the_living_one_of_two_instances_is_asked_again_if_it_missed_the_first_try(
    router: HaproxyRouter, process: RouterProcess
) -> None:
    """One instance is on a machine that is gone; the other one listens a second later."""
    gone = socket.create_server(("127.0.0.1", 0), backlog=0)
    full = [socket.socket() for _ in range(4)]
    for each in full:  # the queue is full, and the kernel answers no further attempt
        each.setblocking(False)
        each.connect_ex(gone.getsockname())
    backend = Backend(version="v1", port=free_port())
    await router.put(shop(gone.getsockname()[1], backend.port))

    asked = [asyncio.create_task(exchange(process, "GET", "/", b"")) for _ in range(8)]
    await asyncio.sleep(1)
    await backend.start()

    assert {(await each)[:13] for each in asked} == {"HTTP/1.1 200 "}
    await backend.stop()
    for each in (gone, *full):
        each.close()


async def test_a_request_that_an_app_may_have_begun_is_not_retried(
    router: HaproxyRouter, process: RouterProcess
) -> None:
    seen: list[str] = []

    async def hang_up(method: str, head: str) -> bytes:
        seen.append(method)
        return b""

    async with serving(hang_up) as one, serving(hang_up) as other:
        await router.put(shop(one, other))
        status = (await exchange(process, "POST", "/", b"once")).split(" ")[1]

    assert (status, seen) == ("502", ["POST"])


@pytest.mark.parametrize(("status", "by_router", "by_app"), [("500", 0, REQUESTS), ("", REQUESTS, 0)])
async def test_an_error_of_the_second_instance_is_counted_once_for_it(
    router: HaproxyRouter, process: RouterProcess, status: str, by_router: int, by_app: int
) -> None:
    async def fail(method: str, head: str) -> bytes:
        return f"HTTP/1.1 {status} -\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode() if status else b""

    async with serving(fail) as port:
        await router.put(shop(free_port(), port))
        for _ in range(REQUESTS):
            await exchange(process, "POST", "/", b"once")

    assert max(visit.retries for visit in await visits(process, REQUESTS)) == 1
    assert await ended(router) == Traffic(requests=REQUESTS, router_errors=by_router, app_errors=by_app)


async def test_a_retried_request_looks_like_any_other_to_app_and_visitor(
    router: HaproxyRouter, process: RouterProcess
) -> None:
    heads: set[str] = set()

    async def answer(method: str, head: str) -> bytes:
        heads.add(head)
        return b"HTTP/1.1 200 -\r\nX-Pvdify-Slot: forged\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

    said = "X-Request-Id: abc\r\nX-Forwarded-For: 203.0.113.7\r\nX-Forwarded-Proto: https\r\n"
    async with serving(answer) as port:
        await router.put(shop(free_port(), port))
        answers = {await exchange(process, "GET", "/", b"", said) for _ in range(REQUESTS)}
        slots = {(await router.ask("shop.test", "/", 5))[1] for _ in range(REQUESTS)}

    assert {visit.retries for visit in await visits(process, 2 * REQUESTS)} == {0, 1}
    assert {head for head in heads if "x-request-id: abc\r" in head} == {
        "get / http/1.1\r\nhost: shop.test\r\nx-request-id: abc\r\nx-forwarded-for: 203.0.113.7\r\n"
        "x-real-ip: 203.0.113.7\r\nx-forwarded-proto: https\r\nx-forwarded-host: shop.test\r\nconnection: close\r\n\r\n"
    }
    assert answers == {"HTTP/1.1 200 -\r\ncontent-length: 0\r\nx-request-id: abc\r\nconnection: close\r\n\r\n"}
    assert slots == {"shop/v1"}


async def test_a_retried_request_counts_as_in_flight_at_its_instance(
    router: HaproxyRouter, process: RouterProcess
) -> None:
    backend = Backend(version="v1")
    await backend.start()
    await router.put(shop(free_port(), backend.port))

    async with Load(str(process.listen), "shop.test", clients=0, websockets=REQUESTS) as load:
        await until(lambda: load.report.websocket_messages > 10 * REQUESTS)
        of_slot, of_instance = await router.traffic("shop", 1), await router.traffic("shop", 1, 2)
        report = await load.stop()

    assert (of_slot.in_flight, of_instance.in_flight) == (REQUESTS, REQUESTS)
    assert report.failures == []
    await backend.stop()
    await router.put(shop(free_port()))


async def test_only_the_router_can_send_internal_retries(router: HaproxyRouter, process: RouterProcess) -> None:
    mode = (process.run_dir / "again.sock").stat().st_mode

    assert stat.S_IMODE(mode) == stat.S_IRUSR | stat.S_IWUSR


def shop(*targets: int, numbers: tuple[int, ...] = ()) -> Route:
    return Route(app="shop", hostnames=("shop.test",), slot=1, targets=here(*targets), numbers=numbers)


async def app_process(version: str) -> tuple[Process, int]:
    # a port of our own: on one that the kernel gives out, a connection to the dead one could meet itself
    command = (sys.executable, "-m", "tests.load.backend", "--version", version, "--port", str(free_port()))
    app = await asyncio.create_subprocess_exec(*command, stdout=PIPE)
    assert app.stdout is not None
    return app, int(await app.stdout.readline())


@asynccontextmanager
async def serving(answer: Answering) -> AsyncIterator[int]:
    """An app that answers each connection's one request; its port."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        if "content-length: 4" in head:
            await reader.readexactly(4)
        writer.write(await answer(head.partition(" ")[0].upper(), head))
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def exchange(process: RouterProcess, method: str, path: str, body: bytes, headers: str = "") -> str:
    reader, writer = await asyncio.open_connection(process.listen.host, process.listen.port)
    length = f"Content-Length: {len(body)}\r\n" if body else ""
    writer.write(f"{method} {path} HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n{headers}{length}\r\n".encode())
    writer.write(body)
    answer = (await reader.read(-1)).decode()
    writer.close()
    return answer


async def ended(router: HaproxyRouter, number: int | None = None) -> Traffic:
    """What was counted once nothing is in flight any more, which is a moment after the visitor has it all."""
    async with asyncio.timeout(60):
        while (traffic := await router.traffic("shop", 1, number)).in_flight:
            await asyncio.sleep(0.02)
    return traffic


async def visits(process: RouterProcess, count: int) -> tuple[Visit, ...]:
    log = AccessLogFile(process.directory, clock=RealClock(), largest=1 << 26)
    await until(lambda: (process.directory / "access.log").read_bytes().count(b"\n") >= count)
    return await log.tail(10 * count)
