"""Requests that no friendly client sends, against the real listener."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from pvdify.daemon.connections import MOST_HEAD
from pvdify.daemon.serving import Server, _tcp_socket
from pvdify.settings import Address

WAIT = 60.0
PIECE = 4096
MOST_SENT = 1000 * MOST_HEAD
FULL = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Return what the server understood of a request, after its whole body."""
    request = Request(scope, receive)
    body = await request.body()
    seen = {"headers": request.headers.items(), "body": body.decode(), "peer": request.client and request.client.host}
    await JSONResponse(seen)(scope, receive, send)


Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture
async def connection() -> AsyncIterator[Connection]:
    listener = _tcp_socket(Address(host="127.0.0.1", port=0))
    listener.listen()
    server = Server(application, listener, most=4, most_of_peer=4)
    serving = asyncio.create_task(server.serve())
    reader, writer = await asyncio.open_connection(*listener.getsockname())
    yield reader, writer
    writer.transport.abort()
    server.stop()
    await serving
    listener.close()


async def answer_to(connection: Connection, request: bytes) -> tuple[int, dict[str, object]]:
    reader, writer = connection
    writer.write(request)
    async with asyncio.timeout(WAIT):
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        body = await reader.readexactly(length)
    status = int(head.split(b" ", 2)[1])
    return status, json.loads(body) if status == 200 else {}


@pytest.mark.parametrize(
    "request_text",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n folded: value\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\nName: value\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nName: a\x00b\r\n\r\n",
        b"GET / HTTP/2.0\r\nHost: x\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
async def test_an_ambiguous_request_is_refused(connection: Connection, request_text: bytes) -> None:
    status, _ = await answer_to(connection, request_text)

    assert status == 400


@pytest.mark.parametrize(
    ("begun", "endless"),
    [
        (b"", b"\r\n"),
        (b"GET /", b"a"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nName: ", b"a"),
        (b"GET / HTTP/1.1\r\nHost: x\r\n", b"Name: value\r\n"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1;", b"a"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"Name: value\r\n"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nName: ", b"a"),
    ],
)
async def test_what_is_no_body_has_a_limit_of_size(connection: Connection, begun: bytes, endless: bytes) -> None:
    writer = connection[1]
    writer.write(begun)

    sent = await _sent_until_closed(connection, endless * (PIECE // len(endless)))

    assert sent < MOST_SENT


async def _sent_until_closed(connection: Connection, piece: bytes) -> int:
    reader, writer = connection
    sent = 0
    while sent < MOST_SENT and not reader.at_eof() and reader.exception() is None:
        writer.write(piece)
        sent += len(piece)
        try:
            async with asyncio.timeout(WAIT):
                await writer.drain()
        except ConnectionError:
            return sent
        await asyncio.sleep(0)
    return sent


async def test_a_body_in_small_chunks_has_no_such_limit(connection: Connection) -> None:
    chunks = b"1\r\na\r\n" * MOST_HEAD

    status, seen = await answer_to(
        connection, b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"
    )

    assert (status, seen["body"]) == (200, "a" * MOST_HEAD)


async def test_a_trailer_is_no_header_of_the_request(connection: Connection) -> None:
    _, seen = await answer_to(
        connection,
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nAuthorization: Bearer t\r\n\r\n",
    )

    assert seen["headers"] == [["host", "x"], ["transfer-encoding", "chunked"]]


async def test_an_upgrade_that_is_not_offered_is_ignored(connection: Connection) -> None:
    upgrade = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"

    first, _ = await answer_to(connection, upgrade)
    second, _ = await answer_to(connection, FULL)

    assert (first, second) == (200, 200)


async def test_requests_sent_at_once_are_answered_in_their_order(connection: Connection) -> None:
    first, _ = await answer_to(connection, FULL + FULL.replace(b"Host: x", b"Host: y"))
    second, seen = await answer_to(connection, b"")

    assert (first, second, seen["headers"]) == (200, 200, [["host", "y"]])


async def test_the_listener_believes_no_program_on_this_machine_whose_request_it_is(connection: Connection) -> None:
    forged = FULL.replace(b"\r\n\r\n", b"\r\nX-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\n\r\n")

    _, seen = await answer_to(connection, forged)

    assert seen["peer"] == "127.0.0.1"
