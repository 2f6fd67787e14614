"""Many clients at once, each sending the next request as soon as the last one is answered."""

import asyncio
import random
import time
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Self

from tests.load.connection import Answer, Connection, Reason, RequestFailed
from tests.load.report import Failure, Report
from tests.load.shapes import DEFAULT_MIX, Shape
from tests.load.websocket import WebSocket, WebSocketClosed


class Load:
    """``async with Load("127.0.0.1:9080", "shop.test", clients=32) as load: …; report = await load.stop()``.

    Args:
        address: HOST:PORT to connect to.
        hostname: sent as Host.
        clients: concurrent keep-alive connections, each waiting for its answer.
        websockets: how many WebSockets echo a message every 20 ms.
        mix: kinds of requests, drawn by weight.
        pause: seconds each client waits between requests; 0 drives as fast as answers come.
        version_header: the response header that names the release.
        timeout: seconds after which an answer counts as missing.
        headers: sent with every request.
        numbers: numbers of requests, sent as X-Request-Id; each is taken once, also if the request then fails.
    """

    def __init__(
        self,
        address: str,
        hostname: str,
        *,
        clients: int = 32,
        websockets: int = 0,
        mix: Sequence[Shape] = DEFAULT_MIX,
        pause: float = 0.0,
        version_header: str = "X-Version",
        timeout: float = 30.0,
        headers: Sequence[tuple[str, str]] = (),
        numbers: Iterator[int] | None = None,
    ) -> None:
        host, _, port = address.rpartition(":")
        self._host, self._port = host.strip("[]"), int(port)
        self._hostname = hostname
        self._counts = (clients, websockets)
        self._mix = list(mix)
        self._weights = [shape.weight for shape in mix]
        self._pause = pause
        self._version_header = version_header.lower().encode()
        self._timeout = timeout
        self._extra = "".join(f"{name}: {value}\r\n" for name, value in headers)
        self._numbers = numbers
        self._heads = {shape.name: self._head(shape) for shape in mix}
        self._stopping = False
        self._tasks: list[asyncio.Task[None]] = []
        self.report = Report(started=time.monotonic())

    async def __aenter__(self) -> Self:
        self.report.started = time.monotonic()
        clients, websockets = self._counts
        self._tasks = [asyncio.create_task(self._client()) for _ in range(clients)]
        self._tasks += [asyncio.create_task(self._websocket()) for _ in range(websockets)]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.stop()

    @staticmethod
    def now() -> float:
        """The clock of all times in the report."""
        return time.monotonic()

    async def stop(self) -> Report:
        """Let every request that has begun end, then report."""
        self._stopping = True
        await asyncio.gather(*self._tasks)
        self._tasks.clear()
        self.report.finished = self.report.finished or time.monotonic()
        return self.report

    async def _client(self) -> None:
        connection: Connection | None = None
        while not self._stopping:
            (shape,) = random.choices(self._mix, self._weights)
            started = time.monotonic()
            number = next(self._numbers) if self._numbers is not None else None
            try:
                if connection is None or connection.is_closed:
                    connection = await self._connect()
                await self._one(connection, shape, started, number)
            except RequestFailed as failed:
                self._failed(failed, shape.name, started, number)
                await asyncio.sleep(0.01)  # a dead server must not turn the client into a busy loop
            if self._pause:
                await asyncio.sleep(self._pause)
        if connection is not None:
            connection.close()

    async def _connect(self) -> Connection:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._timeout):
                _, connection = await loop.create_connection(Connection, self._host, self._port)
        except (OSError, TimeoutError) as error:
            raise RequestFailed(Reason.CONNECT, str(error)) from error
        self.report.connections += 1
        return connection

    async def _one(self, connection: Connection, shape: Shape, started: float, number: int | None) -> None:
        body = shape.body()
        last = b"X-Request-Id: %d\r\n\r\n" % number if number is not None else b"\r\n"
        answer = await connection.request(self._heads[shape.name] + last + body, self._timeout)
        if not 200 <= answer.status < 300:
            raise RequestFailed(Reason.STATUS, str(answer.status))
        if not shape.is_right(body, answer):
            raise RequestFailed(Reason.WRONG_BODY, f"{answer.body[:40]!r}")
        self.report.answered.append((started, time.monotonic(), self._version(answer)))

    async def _websocket(self) -> None:
        while not self._stopping:
            started = time.monotonic()
            try:
                await self._echo_messages()
            except WebSocketClosed:
                self.report.websocket_closes += 1
            except RequestFailed as failed:
                self._failed(failed, "websocket", started)
                await asyncio.sleep(0.05)

    async def _echo_messages(self) -> None:
        async with WebSocket(self._host, self._port, self._hostname, timeout=self._timeout) as websocket:
            while not self._stopping:
                await websocket.echo(b"message %d" % self.report.websocket_messages)
                self.report.websocket_messages += 1
                await asyncio.sleep(0.02)

    def _failed(self, failed: RequestFailed, shape: str, started: float, number: int | None = None) -> None:
        self.report.failures.append(
            Failure(
                reason=failed.reason, detail=failed.detail, shape=shape, started=started, failed=time.monotonic(),
                number=number,
            )
        )  # fmt: skip

    def _version(self, answer: Answer) -> str:
        return answer.headers.get(self._version_header, b"").decode("latin-1")

    def _head(self, shape: Shape) -> bytes:
        length = f"Content-Length: {shape.body_size}\r\n" if shape.body_size or shape.method == "POST" else ""
        return f"{shape.method} {shape.path} HTTP/1.1\r\nHost: {self._hostname}\r\n{length}{self._extra}".encode()
