"""One strict keep-alive HTTP/1.1 connection: an incomplete answer is an error with a reason."""

import asyncio
from dataclasses import dataclass, field
from enum import Enum


class Reason(Enum):
    """Why a request counts as failed."""

    CONNECT = "could not connect"
    RESET = "connection closed before an answer"
    TRUNCATED = "answer cut off"
    NOT_HTTP = "not an HTTP answer"
    STATUS = "status other than 2xx"
    WRONG_BODY = "wrong body"
    TIMEOUT = "no answer in time"
    WEBSOCKET = "websocket cut off"


class RequestFailed(Exception):
    """A request has no whole answer."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(f"{reason.value} {detail}".strip())
        self.reason = reason
        self.detail = detail


@dataclass(slots=True)
class Answer:
    """A whole answer; header names in lower case."""

    status: int
    headers: dict[bytes, bytes] = field(default_factory=dict)
    body: bytes = b""


class Connection(asyncio.Protocol):
    """Sends one request at a time. Not a stream reader: a load client has to be cheaper than what it measures."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[Answer] | None = None
        self._buffer = bytearray()
        self._head: Answer | None = None
        self._body_at = 0
        self._is_head = False
        self.is_closed = False

    async def request(self, data: bytes, timeout: float, *, is_head: bool = False) -> Answer:
        """Send and wait for the whole answer, which has no body if ``is_head``. Raises RequestFailed."""
        loop = asyncio.get_running_loop()
        self._waiter = loop.create_future()
        self._buffer.clear()
        self._head = None
        self._is_head = is_head
        timer = loop.call_later(timeout, self._fail, Reason.TIMEOUT, f"{timeout:g} s")
        try:
            if self.is_closed or self._transport is None:
                raise RequestFailed(Reason.RESET)
            self._transport.write(data)
            return await self._waiter
        finally:
            timer.cancel()
            self._waiter = None

    def close(self) -> None:
        """Hang up."""
        self.is_closed = True
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self._waiter is None:
            self.close()  # an unexpected answer: never use this connection again
            return
        try:
            answer = self._parse(at_end=False)
        except (ValueError, IndexError) as error:
            self._fail(Reason.NOT_HTTP, f"{error}: {bytes(self._buffer[:80])!r}")
            return
        if answer is not None:
            self._finish(answer)

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, error: Exception | None) -> None:
        self.is_closed = True
        if self._waiter is None or self._waiter.done():
            return
        if self._head is not None and (answer := self._parse(at_end=error is None)) is not None:
            self._finish(answer)
        elif self._buffer:
            self._fail(Reason.TRUNCATED, f"after {len(self._buffer)} bytes; {error or 'end of stream'}")
        else:
            self._fail(Reason.RESET, str(error or "end of stream"))

    def _finish(self, answer: Answer) -> None:
        if answer.headers.get(b"connection", b"").lower() == b"close":
            self.close()
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(answer)

    def _fail(self, reason: Reason, detail: str) -> None:
        self.close()
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(RequestFailed(reason, detail))

    def _parse(self, *, at_end: bool) -> Answer | None:
        if self._head is None:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return None
            self._head = parse_head(bytes(self._buffer[:end]))
            self._body_at = end + 4
        body = self._body(self._head, at_end=at_end)
        if body is not None:
            self._head.body = body
        return self._head if body is not None else None

    def _body(self, head: Answer, *, at_end: bool) -> bytes | None:
        if self._is_head or head.status in (204, 304):
            return b""
        if b"content-length" in head.headers:
            end = self._body_at + int(head.headers[b"content-length"])
            return bytes(self._buffer[self._body_at : end]) if len(self._buffer) >= end else None
        if head.headers.get(b"transfer-encoding", b"").lower() == b"chunked":
            return parse_chunks(self._buffer, self._body_at)
        return bytes(self._buffer[self._body_at :]) if at_end else None


def parse_head(head: bytes) -> Answer:
    """Status line and headers. Raises ValueError or IndexError."""
    lines = head.split(b"\r\n")
    words = lines[0].split(b" ", 2)
    if not words[0].startswith(b"HTTP/1."):
        raise ValueError("no status line")
    headers = {}
    for line in lines[1:]:
        name, _, value = line.partition(b":")
        headers[name.lower()] = value.strip()
    return Answer(status=int(words[1]), headers=headers)


def parse_chunks(buffer: bytearray, at: int) -> bytes | None:
    """A chunked body from this offset; None while it is incomplete. Raises ValueError."""
    parts = []
    while True:
        end = buffer.find(b"\r\n", at)
        if end < 0:
            return None
        size = int(bytes(buffer[at:end]).split(b";")[0], 16)
        at = end + 2
        if len(buffer) < at + size + 2:
            return None
        if size == 0:
            return b"".join(parts)
        parts.append(bytes(buffer[at : at + size]))
        at += size + 2
