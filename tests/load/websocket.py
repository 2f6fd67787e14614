"""A WebSocket that echoes, both ends: just enough frames to notice when one is cut off."""

import asyncio
import base64
import hashlib
import os
from types import TracebackType
from typing import Self

from tests.load.connection import Reason, RequestFailed, parse_head

TEXT, CLOSE = 0x1, 0x8
_MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class WebSocketClosed(Exception):
    """The server said goodbye with a closing frame."""


class WebSocket:
    """A client. Raises RequestFailed for everything that is not an orderly end."""

    def __init__(self, host: str, port: int, hostname: str, *, path: str = "/ws", timeout: float = 30.0) -> None:
        self._address = (host, port)
        self._hostname = hostname
        self._path = path
        self._timeout = timeout

    async def __aenter__(self) -> Self:
        try:
            self._reader, self._writer = await asyncio.open_connection(*self._address)
        except OSError as error:
            raise RequestFailed(Reason.CONNECT, str(error)) from error
        key = base64.b64encode(os.urandom(16))
        self._writer.write(
            f"GET {self._path} HTTP/1.1\r\nHost: {self._hostname}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key.decode()}\r\n\r\n".encode()
        )
        try:
            await self._shake(key)
        except RequestFailed:
            self._writer.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None:
            self._writer.write(frame(CLOSE, b"\x03\xe8", is_masked=True))
        self._writer.close()

    async def echo(self, message: bytes) -> None:
        """Send and expect the same back."""
        self._writer.write(frame(TEXT, message, is_masked=True))
        try:
            async with asyncio.timeout(self._timeout):
                opcode, payload = await read_frame(self._reader)
        except TimeoutError as error:
            raise RequestFailed(Reason.TIMEOUT, "websocket") from error
        except (OSError, EOFError) as error:
            raise RequestFailed(Reason.WEBSOCKET, str(error)) from error
        if opcode == CLOSE:
            raise WebSocketClosed
        if payload != message:
            raise RequestFailed(Reason.WRONG_BODY, f"websocket {payload[:40]!r}")

    async def _shake(self, key: bytes) -> None:
        try:
            async with asyncio.timeout(self._timeout):
                head = parse_head((await self._reader.readuntil(b"\r\n\r\n"))[:-4])
        except TimeoutError as error:
            raise RequestFailed(Reason.TIMEOUT, "websocket handshake") from error
        except (OSError, EOFError, ValueError) as error:
            raise RequestFailed(Reason.RESET, f"websocket handshake: {error}") from error
        if head.status != 101 or head.headers.get(b"sec-websocket-accept") != accept(key):
            raise RequestFailed(Reason.STATUS, f"{head.status} to a websocket handshake")


def accept(key: bytes) -> bytes:
    """What a server answers to a handshake's key."""
    return base64.b64encode(hashlib.sha1(key + _MAGIC).digest())


def frame(opcode: int, payload: bytes, *, is_masked: bool) -> bytes:
    """A whole frame with less than 64 KB."""
    size = len(payload)
    flag = 0x80 if is_masked else 0
    head = (
        bytes([0x80 | opcode, flag | size]) if size < 126 else bytes([0x80 | opcode, flag | 126, size >> 8, size & 255])
    )
    if not is_masked:
        return head + payload
    mask = os.urandom(4)
    return head + mask + _masked(payload, mask)


async def read_frame(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Opcode and payload. Raises OSError, EOFError."""
    first, second = await reader.readexactly(2)
    size = second & 0x7F
    if size == 126:
        size = int.from_bytes(await reader.readexactly(2))
    mask = await reader.readexactly(4) if second & 0x80 else b""
    payload = await reader.readexactly(size)
    return first & 0x0F, _masked(payload, mask) if mask else payload


def _masked(payload: bytes, mask: bytes) -> bytes:
    return bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))
