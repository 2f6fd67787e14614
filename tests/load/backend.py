"""An app to test with: answers the shapes of the load, reports its version, and misbehaves on request.

``python -m tests.load.backend --port 3001 --version v1`` runs it as a process of its own. It ends at SIGTERM as a good
app does: nothing new is accepted, what has begun is answered.

Paths: ``/`` ``/echo`` ``/slow?ms=`` ``/stream?lines=&ms=`` ``/ws`` ``/health`` are good; ``/drop`` hangs up,
``/truncate`` stops half-way, ``/wrong`` sends another body, ``/status?code=`` any status, ``/garbage`` no HTTP.
"""

import argparse
import asyncio
import signal
from contextlib import suppress
from urllib.parse import parse_qs, urlsplit

from tests.load.websocket import CLOSE, accept, frame, read_frame


class Backend:
    """Serves on loopback; ``served`` counts whole answers, ``in_flight`` requests that have not ended."""

    def __init__(self, *, version: str, port: int = 0, status: int = 200, delay: float = 0.0) -> None:
        self.version = version
        self.port = port
        self.served = 0
        self.in_flight = 0
        self._status = status
        self._delay = delay
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen; ``port`` then says where."""
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port, backlog=1024)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self, grace: float = 0.0) -> None:
        """Accept nothing new, wait for what has begun, hang up."""
        if self._server is not None:
            self._server.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(grace):
                while self.in_flight:
                    await asyncio.sleep(0.01)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with suppress(OSError, EOFError, asyncio.CancelledError):
                while await self._one(reader, writer):
                    pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        self.in_flight += 1
        try:
            request, headers = _parse(head)
            body = await reader.readexactly(int(headers.get(b"content-length", b"0")))
            goes_on = await self._answer(request, headers, body, reader, writer)
            await writer.drain()
            self.served += goes_on
            return goes_on
        finally:
            self.in_flight -= 1

    async def _answer(
        self,
        target: str,
        headers: dict[bytes, bytes],
        body: bytes,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> bool:
        url = urlsplit(target)
        query = {name: int(values[0]) for name, values in parse_qs(url.query).items()}
        match url.path:
            case "/echo":
                self._send(writer, body)
            case "/slow":
                await asyncio.sleep(query["ms"] / 1000)
                self._send(writer, b"slow\n")
            case "/stream":
                await self._stream(writer, query["lines"], query["ms"] / 1000)
            case "/ws":
                return await self._websocket(headers, reader, writer)
            case "/status":
                self._send(writer, b"as you wish\n", status=query["code"])
            case "/wrong":
                self._send(writer, b"something else\n")
            case "/drop" | "/truncate" | "/garbage":
                writer.write({"/drop": b"", "/truncate": _TRUNCATED, "/garbage": b"hello?\r\n\r\n"}[url.path])
                await writer.drain()
                return False
            case _:
                await asyncio.sleep(self._delay)
                self._send(writer, f"{self.version} {target}\n".encode(), status=self._status)
        return True

    def _send(self, writer: asyncio.StreamWriter, body: bytes, *, status: int | None = None) -> None:
        writer.write(self._head(status or self._status, f"Content-Length: {len(body)}") + body)

    def _head(self, status: int, *lines: str) -> bytes:
        return "\r\n".join((f"HTTP/1.1 {status} -", f"X-Version: {self.version}", *lines, "", "")).encode()

    async def _stream(self, writer: asyncio.StreamWriter, lines: int, seconds: float) -> None:
        writer.write(self._head(200, "Transfer-Encoding: chunked"))
        for number in range(lines):
            line = b"line %d\n" % number
            writer.write(b"%x\r\n%s\r\n" % (len(line), line))
            await writer.drain()
            await asyncio.sleep(seconds)
        writer.write(b"0\r\n\r\n")

    async def _websocket(
        self, headers: dict[bytes, bytes], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        key = accept(headers[b"sec-websocket-key"]).decode()
        writer.write(self._head(101, "Upgrade: websocket", "Connection: Upgrade", f"Sec-WebSocket-Accept: {key}"))
        opcode = 0
        while opcode != CLOSE:
            opcode, payload = await read_frame(reader)
            writer.write(frame(opcode, payload, is_masked=False))
        return False


_TRUNCATED = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nnot quite all of it"


def _parse(head: bytes) -> tuple[str, dict[bytes, bytes]]:
    lines = head[:-4].split(b"\r\n")
    headers = {}
    for line in lines[1:]:
        name, _, value = line.partition(b":")
        headers[name.lower()] = value.strip()
    return lines[0].split(b" ")[1].decode("latin-1"), headers


async def _main() -> None:
    parser = argparse.ArgumentParser(description="a small app to test with")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--version", default="v1")
    parser.add_argument("--grace", type=float, default=30.0)
    options = parser.parse_args()
    backend = Backend(version=options.version, port=options.port)
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    await backend.start()
    print(backend.port, flush=True)
    await ended.wait()
    await backend.stop(options.grace)


if __name__ == "__main__":
    asyncio.run(_main())
