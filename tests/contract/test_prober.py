"""Contract of the ``prober`` port: the fake, and real connections."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Protocol

import pytest

from pvdify.adapters.http_probe.prober import HttpProber
from pvdify.model.endpoint import Endpoint
from pvdify.model.probe import Answer, ProbeResult
from pvdify.ports.prober import Prober
from tests.fakes.clock import FakeClock
from tests.fakes.places import at
from tests.fakes.prober import FakeProber
from tests.support.endpoints import here
from tools.free_port import free_port

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Version: 1\r\n\r\nok"
MOVED = b"HTTP/1.1 302 Found\r\nLocation: /login\r\nContent-Length: 0\r\n\r\n"


class World(Protocol):
    prober: Prober

    async def answering(self, raw: bytes, result: ProbeResult) -> Endpoint:
        """An endpoint that sends these bytes, which mean this."""
        ...

    async def silent(self) -> Endpoint: ...

    def refusing(self) -> Endpoint: ...


class FakeWorld:
    def __init__(self) -> None:
        self.prober = FakeProber(clock=FakeClock())
        self._port = 3000

    async def answering(self, raw: bytes, result: ProbeResult) -> Endpoint:
        self._port += 1
        self.prober.script(self._port, result)
        return at(self._port)

    async def silent(self) -> Endpoint:
        return await self.answering(b"", ProbeResult(answer=Answer.TIMEOUT))

    def refusing(self) -> Endpoint:
        return at(2999)


class RealWorld:
    def __init__(self, stack: AsyncExitStack) -> None:
        self.prober = HttpProber()
        self.requests: list[bytes] = []
        self._stack = stack

    async def answering(self, raw: bytes, result: ProbeResult) -> Endpoint:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.requests.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(raw)
            writer.close()

        return await self._serve(answer)

    async def silent(self) -> Endpoint:
        async def wait(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            writer.close()

        return await self._serve(wait)

    def refusing(self) -> Endpoint:
        return here(free_port())[0]

    async def _serve(self, answer: Callable) -> Endpoint:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        self._stack.push_async_callback(server.wait_closed)
        self._stack.callback(server.close)
        return here(server.sockets[0].getsockname()[1])[0]


@pytest.fixture
async def real() -> AsyncIterator[RealWorld]:
    async with AsyncExitStack() as stack:
        yield RealWorld(stack)


@pytest.fixture(params=["fake", "real"])
def world(request: pytest.FixtureRequest) -> World:
    return FakeWorld() if request.param == "fake" else request.getfixturevalue("real")


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (OK, ProbeResult(answer=Answer.STATUS, status=200)),
        (OK.replace(b"200 OK", b"204 No Content"), ProbeResult(answer=Answer.STATUS, status=204)),
        (MOVED, ProbeResult(answer=Answer.STATUS, status=302, location="/login")),
        (OK.replace(b"200 OK", b"503 Busy"), ProbeResult(answer=Answer.STATUS, status=503)),
        (b"HTTP/1.1 103 Early Hints\r\n\r\n" + OK, ProbeResult(answer=Answer.STATUS, status=200)),
        (b"HTTP/1.0 200 OK\r\n\r\nuntil the end", ProbeResult(answer=Answer.STATUS, status=200)),
        (b"", ProbeResult(answer=Answer.RESET)),
        (b"SSH-2.0-OpenSSH_9.2\r\n", ProbeResult(answer=Answer.NOT_HTTP)),
        (b"HTTP/1.1 200 OK\r\nContent-Le", ProbeResult(answer=Answer.NOT_HTTP)),
    ],
    ids=["200", "204", "302", "503", "hints first", "1.0", "closed", "ssh", "cut short"],
)
async def test_every_answer_is_distinguished(world, raw, expected):
    target = await world.answering(raw, expected)

    result = await world.prober.probe(target, "/health", timeout=60)

    assert (result.answer, result.status, result.location) == (expected.answer, expected.status, expected.location)


async def test_a_port_without_a_listener_is_refused(world):
    result = await world.prober.probe(world.refusing(), "/health", timeout=60)

    assert (result.answer, result.status) == (Answer.REFUSED, None)


async def test_no_answer_in_time_is_a_timeout(world):
    target = await world.silent()

    result = await world.prober.probe(target, "/health", timeout=0.05)

    assert (result.answer, result.status) == (Answer.TIMEOUT, None)


async def test_a_greeting_of_another_protocol_is_not_http_although_its_server_waits(real):
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for part in (b"2", b"20 mail\r\n"):
            writer.write(part)
            await writer.drain()
        await reader.read()
        writer.close()

    result = await real.prober.probe(await real._serve(greet), "/health", timeout=60)

    assert (result.answer, result.status) == (Answer.NOT_HTTP, None)


async def test_the_request_asks_for_the_path_as_the_hostname_and_once(real):
    target = await real.answering(OK, ProbeResult(answer=Answer.STATUS, status=200))

    result = await real.prober.probe(target, "/up?deep=1&q=ä", timeout=60, hostname="shop.example.com", scheme="https")
    await real.prober.probe(target, "/", timeout=60)

    named, plain = (request.decode().split("\r\n") for request in real.requests)
    assert named[0] == "GET /up?deep=1&q=%C3%A4 HTTP/1.1"
    assert "Host: shop.example.com" in named
    assert "X-Forwarded-Proto: https" in named
    assert [line for line in plain if line.startswith("X-Forwarded")] == []
    assert f"Host: {target}" in plain
    assert "Connection: close" in plain
    assert ("x-version", "1") in result.headers
    assert result.seconds > 0


async def test_an_endless_body_is_not_waited_for(real):
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        await reader.read()
        writer.close()

    result = await real.prober.probe(await real._serve(talk), "/", timeout=60)

    assert (result.status, result.seconds < 30) == (200, True)


async def test_an_instance_behind_a_unix_socket_is_asked(real, tmp_path):
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        real.requests.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(OK)
        writer.close()

    socket = tmp_path / "web.sock"
    async with await asyncio.start_unix_server(answer, str(socket)):
        result = await real.prober.probe(Endpoint(str(socket)), "/up", timeout=60)
        missing = await real.prober.probe(Endpoint(str(tmp_path / "other.sock")), "/up", timeout=60)

    assert (result.answer, result.status) == (Answer.STATUS, 200)
    assert b"GET /up HTTP/1.1" in real.requests[0]
    assert missing.answer is not Answer.STATUS
