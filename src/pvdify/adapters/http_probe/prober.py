"""The ``prober`` port with h11: each probe is a GET on a new connection."""

import asyncio
import socket
import time
from contextlib import suppress
from string import punctuation
from typing import Any
from urllib.parse import quote

import h11

from pvdify.model.endpoint import Endpoint
from pvdify.model.probe import Answer, ProbeResult

CHUNK = 16 * 1024  # bytes
HTTP = b"HTTP/"  # the first bytes of every answer
Headers = list[tuple[str, str]]


class HttpProber:
    """Implements ``ports.prober.Prober``. Reads the status and the headers of an answer, but not the body."""

    def __init__(self, *, user_agent: str = "pvdify-probe") -> None:
        self._user_agent = user_agent

    async def probe(
        self, at: Endpoint, path: str, *, timeout: float, hostname: str = "", scheme: str = ""
    ) -> ProbeResult:
        started = time.monotonic()
        headers = self._headers(hostname or ("localhost" if at.is_unix else f"{at}"), scheme)
        result = await self._ask(at, path, timeout, headers)
        return ProbeResult(
            answer=result.answer,
            status=result.status,
            location=result.location,
            headers=result.headers,
            seconds=time.monotonic() - started,
        )

    async def _ask(self, at: Endpoint, path: str, timeout: float, headers: Headers) -> ProbeResult:
        try:
            async with asyncio.timeout(timeout):
                return await self._exchange(at, path, headers)
        except TimeoutError:
            return ProbeResult(answer=Answer.TIMEOUT)
        except ConnectionRefusedError:
            return ProbeResult(answer=Answer.REFUSED)
        except h11.RemoteProtocolError:
            return ProbeResult(answer=Answer.NOT_HTTP)
        except OSError:
            return ProbeResult(answer=Answer.RESET)

    async def _exchange(self, at: Endpoint, path: str, headers: Headers) -> ProbeResult:
        loop, connection = asyncio.get_running_loop(), h11.Connection(h11.CLIENT)
        request = h11.Request(method="GET", target=quote(path, safe=punctuation), headers=headers)
        data = (connection.send(request) or b"") + (connection.send(h11.EndOfMessage()) or b"")
        with await _connect(at, loop) as opened:
            await loop.sock_sendall(opened, data)
            response = await _read_response(connection, opened, loop)
        return _understand(response) if response else ProbeResult(answer=Answer.RESET)

    def _headers(self, hostname: str, scheme: str) -> Headers:
        forwarded = [("X-Forwarded-Proto", scheme)] if scheme else []
        own = [("User-Agent", self._user_agent), ("Accept", "*/*"), ("Connection", "close")]
        return [("Host", hostname), *forwarded, *own]


async def _connect(at: Endpoint, loop: asyncio.AbstractEventLoop) -> socket.socket:
    """Return a connected socket. Raises OSError. A plain socket costs half the CPU time of asyncio's streams."""
    if at.is_unix:
        return await _connected(socket.AF_UNIX, at.host, loop)
    family = socket.AF_INET6 if ":" in at.host else socket.AF_INET
    try:
        socket.inet_pton(family, at.host)
    except OSError:  # a name: the resolver decides the family
        return await _connected_to_name(at, loop)
    return await _connected(family, (at.host, at.port), loop)


async def _connected_to_name(at: Endpoint, loop: asyncio.AbstractEventLoop) -> socket.socket:
    """Try each address of the name. Raises the error of the last one."""
    addresses = await loop.getaddrinfo(at.host, at.port, type=socket.SOCK_STREAM)
    for family, _, _, _, address in addresses[:-1]:
        with suppress(OSError):
            return await _connected(family, address, loop)
    family, _, _, _, address = addresses[-1]
    return await _connected(family, address, loop)


async def _connected(family: int, address: Any, loop: asyncio.AbstractEventLoop) -> socket.socket:
    opened = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    try:
        await loop.sock_connect(opened, address)
    except BaseException:
        opened.close()
        raise
    return opened


async def _read_response(
    connection: h11.Connection, opened: socket.socket, loop: asyncio.AbstractEventLoop
) -> h11.Response | None:
    """Return the final answer, after any 1xx; None if the connection was closed before a byte of an answer came.

    Raises h11.RemoteProtocolError as soon as the first bytes are not HTTP: servers of other protocols send a greeting
    and then wait.
    """
    begun = b""
    while True:
        event = connection.next_event()
        if isinstance(event, h11.Response):
            return event
        if event is h11.NEED_DATA:
            data = await loop.sock_recv(opened, CHUNK)
            if not data and not begun:
                return None
            begun = begun if len(begun) >= len(HTTP) else begun + data[: len(HTTP)]
            if not begun[: len(HTTP)].startswith(HTTP[: len(begun)]):
                raise h11.RemoteProtocolError("the answer does not begin with HTTP/")
            connection.receive_data(data)
        elif not isinstance(event, h11.InformationalResponse):
            return None


def _understand(response: h11.Response) -> ProbeResult:
    headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in response.headers)
    location = next((value for name, value in headers if name == "location"), None)
    return ProbeResult(answer=Answer.STATUS, status=response.status_code, location=location, headers=headers)
