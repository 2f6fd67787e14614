"""Valid HTTP that is rare: interim answers, trailers, unread bodies, connections that are closed on one side."""

import asyncio
import re
from collections.abc import AsyncIterator

import pytest

from pvdify.adapters.haproxy.router import HaproxyRouter
from pvdify.model.route import Route
from tests.load.real_router import RouterProcess
from tests.support.endpoints import here

pytestmark = pytest.mark.router
WAIT = 60.0
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
ANSWERS = {
    b"/": OK,
    b"/interim": b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n" + OK,
    b"/trailers": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"
    b"2\r\nok\r\n0\r\nX-Sum: 42\r\n\r\n",
    b"/length": b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n",
    b"/chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"/same": b'HTTP/1.1 304 Not Modified\r\nContent-Length: 55\r\nETag: "a"\r\n\r\n',
    b"/two": OK + b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
    b"/large": b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig",
}


class App:
    """Answers each head at once; reads a body only after ``100 Continue``, and then returns it."""

    def __init__(self) -> None:
        self.heads: list[bytes] = []
        self.closed = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.heads.append(head)
        path = head.split()[1]
        if path == b"/continue":
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n" + await reader.readexactly(3))
        elif path == b"/socket":
            writer.write(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
            while data := await reader.read(100):
                writer.write(data.upper())
            writer.write(b"BYE")  # the visitor said everything, and still listens
        else:
            writer.write(ANSWERS[path])
        await writer.drain()
        writer.close()
        self.closed.set()


@pytest.fixture
async def app(router: HaproxyRouter) -> AsyncIterator[App]:
    app = App()
    server = await asyncio.start_server(app.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    await router.put(Route(app="shop", hostnames=("shop.test",), slot=1, targets=here(port)))
    yield app
    server.close()


@pytest.fixture
async def visitor(process: RouterProcess) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection(process.listen.host, process.listen.port)
    yield reader, writer
    writer.transport.abort()


def request(path: str, method: str = "GET", *headers: str) -> bytes:
    return "\r\n".join((f"{method} {path} HTTP/1.1", "Host: shop.test", *headers, "", "")).encode()


async def read_until(reader: asyncio.StreamReader, end: bytes) -> bytes:
    async with asyncio.timeout(WAIT):
        return await reader.readuntil(end)


async def read_all(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(WAIT):
        return await reader.read(-1)


LAST = request("/", "GET", "Connection: close")


async def test_interim_answers_reach_the_visitor_before_the_answer(app: App, visitor) -> None:
    reader, writer = visitor
    writer.write(request("/interim", "GET", "Connection: close"))

    said = await read_all(reader)

    assert re.findall(rb"HTTP/1.1 (\d+)", said) == [b"102", b"103", b"200"]
    assert b"\r\nlink: </a.css>\r\n" in said
    assert said.endswith(b"\r\n\r\nok")


async def test_a_body_is_sent_after_the_app_has_asked_for_it(app: App, visitor) -> None:
    reader, writer = visitor
    writer.write(request("/continue", "POST", "Content-Length: 3", "Expect: 100-continue"))
    asked = await read_until(reader, b"\r\n\r\n")
    writer.write(b"abc")

    said = await read_until(reader, b"abc")

    assert asked.startswith(b"HTTP/1.1 100 ")
    assert said.startswith(b"HTTP/1.1 200 ")


async def test_trailers_of_an_answer_reach_the_visitor(app: App, visitor) -> None:
    reader, writer = visitor
    writer.write(request("/trailers", "GET", "TE: trailers"))

    assert (await read_until(reader, b"x-sum: 42\r\n\r\n")).endswith(b"2\r\nok\r\n0\r\nx-sum: 42\r\n\r\n")


@pytest.mark.parametrize(("path", "method"), [("/length", "HEAD"), ("/chunked", "HEAD"), ("/same", "GET")])
async def test_an_answer_without_its_body_does_not_shift_the_next_one(
    app: App, visitor, path: str, method: str
) -> None:
    reader, writer = visitor
    writer.write(2 * request(path, method) + LAST)

    said = await read_all(reader)

    assert len(re.findall(rb"HTTP/1.1 \d+", said)) == 3
    assert said.endswith(b"\r\n\r\nok")
    assert len(app.heads) == 3


async def test_a_second_answer_to_one_request_reaches_no_visitor(app: App, visitor) -> None:
    reader, writer = visitor
    writer.write(request("/two") + LAST)

    said = await read_all(reader)

    assert said.count(b"HTTP/1.1 200") == 2
    assert b"evil" not in said


@pytest.mark.parametrize("framing", ["Content-Length: 100000000", "Transfer-Encoding: chunked"])
async def test_an_answer_before_the_end_of_the_body_reaches_the_visitor(app: App, visitor, framing: str) -> None:
    reader, writer = visitor
    writer.write(request("/large", "POST", framing))

    said = await read_until(reader, b"big")

    assert said.startswith(b"HTTP/1.1 413 ")


async def test_a_visitor_who_has_said_everything_still_gets_the_answer(app: App, visitor) -> None:
    reader, writer = visitor
    writer.write(request("/"))
    writer.write_eof()

    assert (await read_all(reader)).endswith(b"\r\n\r\nok")


async def test_an_upgraded_connection_is_closed_on_one_side_at_a_time(app: App, visitor) -> None:
    reader, writer = visitor
    writer.write(request("/socket", "GET", "Connection: Upgrade", "Upgrade: echo"))
    await read_until(reader, b"\r\n\r\n")
    writer.write(b"hello")
    writer.write_eof()

    assert await read_all(reader) == b"HELLOBYE"
