"""An app that closes idle connections, or ends without an answer; and visitors who meet it at the worst moment.

Each request carries an ``X-Request-Id`` of its own, so what an instance began is counted by request and instance.
"""

import asyncio
import random
import socket
import struct
from collections import Counter, defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count

from tests.load.connection import Connection, RequestFailed

METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
UNREPEATABLE = ("POST", "PUT", "PATCH", "DELETE")
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: closing sends a reset


@dataclass(kw_only=True)
class HastyApp:
    """One instance. ``begun``: how often each request was begun here.

    ``idle``: seconds after an answer until its connection is closed, as servers count it. ``/close`` and ``/reset``
    end the connection without an answer once the request has been read; ``/part`` in the middle of the answer.
    """

    idle: float = 3600.0
    port: int = 0
    begun: Counter[str] = field(default_factory=Counter)
    connections: int = 0
    _server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen on a free port."""
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0, backlog=1024)
        self.port = self._server.sockets[0].getsockname()[1]

    def stop(self) -> None:
        """Accept nothing new."""
        if self._server is not None:
            self._server.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with suppress(OSError, EOFError, TimeoutError):
            goes_on = await self._one(reader, writer, idle=None)
            while goes_on:
                goes_on = await self._one(reader, writer, idle=self.idle)
        writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, idle: float | None) -> bool:
        async with asyncio.timeout(idle):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        method, path, _ = head.split(" ", 2)
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head.split("\r\n")[1:])}
        self.begun[headers["x-request-id"]] += 1
        body = await _body(reader, headers)
        if path == "/reset":
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        if path in ("/close", "/reset"):
            return False
        sent = b"" if method == "HEAD" else b"%d bytes" % body
        length = len(sent) + 100 if path == "/part" else len(sent)
        writer.write(b"HTTP/1.1 200 -\r\nContent-Length: %d\r\n\r\n%s" % (length, sent))
        await writer.drain()
        return path != "/part"


@dataclass(kw_only=True)
class Visitors:
    """Keep-alive visitors of one hostname; ``answers`` counts what each method got: a status, or why there was none."""

    host: str
    port: int
    hostname: str = "shop.test"
    answers: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    _numbers: "count[int]" = field(default_factory=count)

    async def come(self, many: int, each: int, *, methods: tuple[str, ...], path: str, pause: float = 0.0,
                   is_chunked: bool = False) -> None:  # fmt: skip
        """Let ``many`` visitors send ``each`` requests on one connection, about ``pause`` seconds apart."""
        async with asyncio.TaskGroup() as group:
            for _ in range(many):
                group.create_task(self._visitor(each, methods, path, pause, is_chunked=is_chunked))

    async def _visitor(self, each: int, methods: tuple[str, ...], path: str, pause: float, *, is_chunked: bool) -> None:
        loop = asyncio.get_running_loop()
        connection = None
        for _ in range(each):
            method = random.choice(methods)
            if connection is None or connection.is_closed:
                _, connection = await loop.create_connection(Connection, self.host, self.port)
            try:
                request = self._request(method, path, is_chunked=is_chunked)
                answer = await connection.request(request, 60, is_head=method == "HEAD")
                self.answers[method][str(answer.status)] += 1
            except RequestFailed as failed:
                self.answers[method][failed.reason.value] += 1
            if pause:
                await asyncio.sleep(pause * random.uniform(0.97, 1.03))
        if connection is not None:
            connection.close()

    def _request(self, method: str, path: str, *, is_chunked: bool) -> bytes:
        lines = f"{method} {path} HTTP/1.1\r\nHost: {self.hostname}\r\nX-Request-Id: {next(self._numbers)}\r\n"
        if method not in UNREPEATABLE:
            return f"{lines}\r\n".encode()
        if is_chunked:
            return f"{lines}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n5\r\nworld\r\n0\r\n\r\n".encode()
        return f"{lines}Content-Length: 10\r\n\r\nhelloworld".encode()


async def _body(reader: asyncio.StreamReader, headers: dict[str, str]) -> int:
    if headers.get("transfer-encoding") != "chunked":
        return len(await reader.readexactly(int(headers.get("content-length", "0"))))
    total = 0
    while size := int(await reader.readline(), 16):
        await reader.readexactly(size + 2)
        total += size
    await reader.readline()
    return total


def begun(apps: list[HastyApp]) -> Counter[str]:
    """How often each request was begun, on all instances together."""
    return sum((app.begun for app in apps), Counter())


def most_instances(apps: list[HastyApp]) -> int:
    """The number of instances that began one and the same request, at most."""
    return max(Counter(request for app in apps for request in app.begun).values())
