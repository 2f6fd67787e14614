"""Silent, slow and too many connections, against the real listener."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.types import Receive, Scope, Send
from structlog.testing import capture_logs

from pvdify.daemon.connections import ConnectionTimeouts
from pvdify.daemon.serving import Server

GET = b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n"
AGES = 60.0
PATIENT = ConnectionTimeouts(head=AGES, stuck=AGES)


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """``/hold`` never completes its answer, ``/large`` is endless, other paths answer at once."""
    request = Request(scope, receive)
    if request.url.path == "/":
        await PlainTextResponse("here")(scope, receive, send)
        return
    await StreamingResponse(_pieces(is_large=request.url.path == "/large"))(scope, receive, send)


async def _pieces(*, is_large: bool) -> AsyncIterator[bytes]:
    yield b"begun"
    while is_large:
        yield bytes(65536)
    await asyncio.Event().wait()


Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Clients:
    """Opens connections to one address."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address
        self._opened: list[Connection] = []

    async def open(self, text: bytes = b"") -> Connection:
        connection = await asyncio.open_connection(*self._address)
        self._opened.append(connection)
        connection[1].write(text)
        return connection

    async def close(self) -> None:
        for _, writer in self._opened:
            writer.transport.abort()
        await asyncio.gather(*(writer.wait_closed() for _, writer in self._opened), return_exceptions=True)


@asynccontextmanager
async def listening(most: int, patience: ConnectionTimeouts = PATIENT) -> AsyncIterator[Clients]:
    listener = socket.create_server(("127.0.0.1", 0), backlog=100)
    server = Server(application, listener, most=most, most_of_peer=most, patience=patience)
    serving = asyncio.create_task(server.serve())
    clients = Clients(listener.getsockname())
    try:
        yield clients
    finally:
        await clients.close()
        server.stop()
        await serving
        listener.close()


async def status_of(connection: Connection) -> bytes:
    async with asyncio.timeout(AGES):
        return (await connection[0].readline()).strip()


async def ended(connection: Connection) -> bool:
    """Whether the server closes the connection, however it does."""
    try:
        async with asyncio.timeout(AGES):
            await connection[0].read()
    except ConnectionError:
        return True
    except TimeoutError:
        return False
    return True


async def test_silent_connections_are_closed_for_new_ones() -> None:
    async with listening(most=4) as clients:
        silent = [await clients.open(text) for text in (b"", b"GET / HT") for _ in range(20)]

        answered = await status_of(await clients.open(GET % b"/"))

        assert answered == b"HTTP/1.1 200 OK"
        assert await ended(silent[0])


async def test_active_requests_are_never_closed_for_new_ones() -> None:
    async with listening(most=3) as clients:
        held = [await clients.open(GET % b"/hold") for _ in range(3)]
        assert {await status_of(it) for it in held} == {b"HTTP/1.1 200 OK"}

        refused = await clients.open(GET % b"/")

        assert await status_of(refused) == b"HTTP/1.1 503 Service Unavailable"
        async with asyncio.timeout(AGES):
            assert b"Retry-After: " in await refused[0].read()
        assert not any(it[0].at_eof() for it in held)


async def test_a_place_is_freed_when_its_client_disconnects() -> None:
    async with listening(most=1) as clients:
        first = await clients.open(GET % b"/hold")
        await status_of(first)
        first[1].transport.abort()

        for _ in range(1000):
            if await status_of(await clients.open(GET % b"/")) == b"HTTP/1.1 200 OK":
                break
            await asyncio.sleep(0.01)
        else:
            pytest.fail("the place is never free")


@pytest.mark.parametrize("begun", [b"", b"GET / HTTP/1.1\r\nHost:", GET % b"/" + b"GET / HT"])
async def test_a_head_has_a_time_limit(begun: bytes) -> None:
    async with listening(most=4, patience=ConnectionTimeouts(head=0.2, stuck=AGES)) as clients:
        assert await ended(await clients.open(begun))


async def test_a_client_that_does_not_read_its_answer_is_disconnected() -> None:
    async with listening(most=1, patience=ConnectionTimeouts(head=AGES, stuck=0.2)) as clients:
        await clients.open(GET % b"/large")

        for _ in range(1000):
            if await status_of(await clients.open(GET % b"/")) == b"HTTP/1.1 200 OK":
                break
            await asyncio.sleep(0.01)
        else:
            pytest.fail("the place is never free")


async def test_a_thousand_refusals_are_one_line_in_the_log() -> None:
    with capture_logs() as lines:
        async with listening(most=2) as clients:
            await asyncio.gather(*[clients.open() for _ in range(200)])
            await status_of(await clients.open(GET % b"/"))

    assert [line["event"] for line in lines] == ["connections.refused"]
