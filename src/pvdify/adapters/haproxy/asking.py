"""A GET through the router, sent as a visitor would send it. The answer contains the slot that it came from."""

import asyncio
from contextlib import suppress
from string import punctuation
from urllib.parse import quote

import h11

from pvdify.adapters.haproxy.config import CONFIRM_HEADER
from pvdify.adapters.haproxy.second_try import SLOT_HEADER
from pvdify.model.probe import Answer, ProbeResult
from pvdify.ports.clock import Clock
from pvdify.settings import Address

_BODY_TIME = 0.5  # seconds for the body: if short answers are read to the end, apps log fewer "broken pipe" lines
_REACHED_AT = {"0.0.0.0": "127.0.0.1", "::": "::1", "*": "127.0.0.1"}  # noqa: S104 - compared, not bound


async def get(
    address: Address, hostname: str, path: str, *, token: str, timeout: float, clock: Clock
) -> tuple[ProbeResult, str | None]:
    """Return the answer and its slot key, None if it has none. Never raises. ``timeout``: seconds for the headers."""
    start = clock.monotonic()
    try:
        head = await _exchange(address, hostname, path, token=token, timeout=timeout)
    except TimeoutError:
        return _failed(Answer.TIMEOUT, clock.monotonic() - start)
    except ConnectionRefusedError:
        return _failed(Answer.REFUSED, clock.monotonic() - start)
    except h11.ProtocolError:
        return _failed(Answer.NOT_HTTP, clock.monotonic() - start)
    except OSError:
        return _failed(Answer.RESET, clock.monotonic() - start)
    headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in head.headers)
    found = dict(headers)
    result = ProbeResult(
        answer=Answer.STATUS,
        status=head.status_code,
        location=found.get("location"),
        seconds=clock.monotonic() - start,
        headers=headers,
    )
    return result, found.get(SLOT_HEADER.lower())


async def _exchange(address: Address, hostname: str, path: str, *, token: str, timeout: float) -> h11.Response:
    connection = h11.Connection(h11.CLIENT)
    headers = [("Host", hostname), (CONFIRM_HEADER, token), ("Connection", "close"), ("User-Agent", "pvdify")]
    target = quote(path, safe=punctuation)
    request = connection.send(h11.Request(method="GET", target=target, headers=headers)) or b""
    async with asyncio.timeout(timeout):
        reader, writer = await asyncio.open_connection(_REACHED_AT.get(address.host, address.host), address.port)
        try:
            writer.write(request + (connection.send(h11.EndOfMessage()) or b""))
            head = await _head(connection, reader)
        except BaseException:
            writer.close()
            raise
    with suppress(TimeoutError, OSError, h11.ProtocolError):
        async with asyncio.timeout(_BODY_TIME):
            while not isinstance(await _next(connection, reader), h11.EndOfMessage):
                pass
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return head


async def _head(connection: h11.Connection, reader: asyncio.StreamReader) -> h11.Response:
    while not isinstance(event := await _next(connection, reader), h11.Response):
        pass  # 1xx answers come before the final answer
    return event


async def _next(connection: h11.Connection, reader: asyncio.StreamReader) -> object:
    while (event := connection.next_event()) is h11.NEED_DATA:
        data = await reader.read(65536)
        if not data and connection.their_state is h11.SEND_RESPONSE and not connection.trailing_data[0]:
            raise ConnectionResetError("the connection was closed before an answer")
        connection.receive_data(data)
    return event


def _failed(answer: Answer, seconds: float) -> tuple[ProbeResult, None]:
    return ProbeResult(answer=answer, seconds=seconds), None
