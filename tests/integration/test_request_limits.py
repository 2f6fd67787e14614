"""How large headers may be, and how long an answer may be silent."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from pvdify.adapters.haproxy.access_log import AccessLogFile
from pvdify.adapters.haproxy.router import HaproxyRouter
from pvdify.model.route import Route
from pvdify.model.visit import Visit
from tests.load.real_router import RealClock, RouterProcess
from tests.support.endpoints import here
from tools.free_port import free_port

pytestmark = pytest.mark.router
PROMISED = 64 * 1024
SILENCE = 1.0


async def app(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """``/header/N``: one header of N bytes; ``/cookies/N``: N cookies; ``/silent`` and ``/pause`` take their time."""
    path = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1].decode()
    _, kind, *number = path.split("/")
    count = int(number[0]) if number else 0
    headers = {
        "header": b"X-Large: " + b"a" * count + b"\r\n",
        "cookies": b"".join(b"Set-Cookie: c%d=%s\r\n" % (index, b"a" * 200) for index in range(count)),
    }.get(kind, b"")
    if kind == "silent":
        await asyncio.sleep(3 * SILENCE)
    writer.write(b"HTTP/1.1 200 -\r\nContent-Length: 4\r\nConnection: close\r\n" + headers + b"\r\nhe")
    if kind == "pause":
        await writer.drain()
        await asyncio.sleep(3 * SILENCE)
    writer.write(b"re")
    writer.close()


@pytest.fixture
async def port() -> AsyncIterator[int]:
    server = await asyncio.start_server(app, "127.0.0.1", 0, limit=4 * PROMISED)
    async with server:
        yield server.sockets[0].getsockname()[1]


def route(*ports: int, timeout: float | None = None, name: str = "shop") -> Route:
    return Route(app=name, hostnames=(f"{name}.test",), slot=1, targets=here(*ports), timeout=timeout)


@pytest.mark.parametrize("headers", [
    b"Cookie: " + b"a" * PROMISED + b"\r\n",
    b"".join(b"X-%d: %s\r\n" % (index, b"a" * 200) for index in range(300)),
])  # fmt: skip
async def test_headers_of_64_kb_reach_the_app(
    router: HaproxyRouter, process: RouterProcess, port: int, headers: bytes
) -> None:
    await router.put(route(port))

    assert (await ask(process, "/", headers)).startswith("HTTP/1.1 200")


@pytest.mark.parametrize("path", [f"/header/{PROMISED}", "/cookies/300"])
async def test_headers_of_64_kb_reach_the_visitor(
    router: HaproxyRouter, process: RouterProcess, port: int, path: str
) -> None:
    await router.put(route(port))

    answer = await ask(process, path)

    assert (answer[:12], answer[-4:]) == ("HTTP/1.1 200", "here")
    assert len(answer) > 60_000


async def test_larger_headers_are_refused_with_the_limit(
    router: HaproxyRouter, process: RouterProcess, port: int
) -> None:
    await router.put(route(port))

    answer = await ask(process, "/", b"Cookie: " + b"a" * (PROMISED + 6000) + b"\r\n")

    (visit,) = await visits(process, 1)
    assert answer.startswith("HTTP/1.1 431")
    assert "larger than 64 kB" in answer
    assert (visit.status, visit.app) == (431, "shop")


async def test_more_headers_are_refused_with_the_limit(
    router: HaproxyRouter, process: RouterProcess, port: int
) -> None:
    await router.put(route(port))

    few, many = [await ask(process, "/", b"X-A: 1\r\n" * count) for count in (900, 3000)]

    _, visit = await visits(process, 2)
    assert few.startswith("HTTP/1.1 200")
    assert many.startswith("HTTP/1.1 431")
    assert "more than 1,000" in many
    assert (visit.status, visit.app) == (431, "shop")


async def test_a_head_larger_than_the_buffer_is_refused_unread(
    router: HaproxyRouter, process: RouterProcess, port: int
) -> None:
    await router.put(route(port))

    answer = await ask(process, "/", b"Cookie: " + b"a" * 2 * PROMISED + b"\r\n")

    (visit,) = await visits(process, 1)
    assert answer.startswith("HTTP/1.1 400")
    assert "Your browser sent an invalid request." in answer  # HAProxy's own words, which no setting replaces
    assert (visit.status, visit.app) == (400, None)


async def test_an_answer_with_larger_headers_is_an_error_with_the_limit(
    router: HaproxyRouter, process: RouterProcess, port: int
) -> None:
    await router.put(route(port))

    answer = await ask(process, f"/header/{2 * PROMISED}")

    (visit,) = await visits(process, 1)
    assert answer.startswith("HTTP/1.1 502")
    assert "headers larger than 64 kB" in answer
    assert (visit.app, visit.slot, visit.ended[:2]) == ("shop", 1, "PH")


@pytest.mark.parametrize("dead_ones", [0, 2])
async def test_an_app_sets_the_longest_silence_of_an_answer(
    router: HaproxyRouter, process: RouterProcess, port: int, dead_ones: int
) -> None:
    """Also where other instances refused the request first; other apps are not concerned."""
    await router.put(route(*(free_port() for _ in range(dead_ones)), port, timeout=SILENCE))
    await router.put(route(port, name="patient"))

    late, cut, patient = await asyncio.gather(
        ask(process, "/silent"), ask(process, "/pause"), ask(process, "/silent", hostname="patient.test")
    )

    assert late.startswith("HTTP/1.1 504")
    assert (cut[:12], cut[-2:]) == ("HTTP/1.1 200", "he")
    assert (patient[:12], patient[-4:]) == ("HTTP/1.1 200", "here")
    assert (await router.routes())["shop"].timeout == SILENCE


async def test_the_default_is_back_when_the_manifest_no_longer_says(
    router: HaproxyRouter, process: RouterProcess, port: int
) -> None:
    await router.put(route(port, timeout=SILENCE))

    await router.put(route(port))

    assert (await ask(process, "/silent"))[-4:] == "here"
    assert (await router.routes())["shop"].timeout is None


async def ask(process: RouterProcess, path: str, headers: bytes = b"", hostname: str = "shop.test") -> str:
    reader, writer = await asyncio.open_connection(process.listen.host, process.listen.port)
    head = f"GET {path} HTTP/1.1\r\nHost: {hostname}\r\nConnection: close\r\n".encode()
    writer.write(head + headers + b"\r\n")
    answer = bytearray()
    try:
        while data := await reader.read(65536):
            answer += data
    except ConnectionResetError:
        pass  # what is refused unread ends with a reset, behind the answer
    writer.close()
    return answer.decode()


async def visits(process: RouterProcess, count: int) -> tuple[Visit, ...]:
    log = AccessLogFile(process.directory, clock=RealClock(), largest=1 << 26)
    async with asyncio.timeout(120):
        while len(found := await log.tail(100)) < count:
            await asyncio.sleep(0.02)
    return found
