"""The ``prober`` port: one GET on one fresh connection, with h11."""

import asyncio
import time
from contextlib import suppress
from string import punctuation
from urllib.parse import quote

import h11

from pvdify.model.probe import Answer, ProbeResult

HOST = "127.0.0.1"
CHUNK = 16 * 1024


class HttpProber:
    """Reads an answer's status and headers; its body is nobody's business."""

    def __init__(self, *, user_agent: str = "pvdify-probe") -> None:
        self._user_agent = user_agent

    async def probe(self, port: int, path: str, *, timeout: float, hostname: str = "") -> ProbeResult:
        """See the port."""
        started = time.monotonic()
        result = await self._ask(port, path, timeout, hostname or f"{HOST}:{port}")
        return ProbeResult(
            answer=result.answer,
            status=result.status,
            location=result.location,
            headers=result.headers,
            seconds=time.monotonic() - started,
        )

    async def _ask(self, port: int, path: str, timeout: float, hostname: str) -> ProbeResult:
        try:
            async with asyncio.timeout(timeout):
                return await self._exchange(port, path, hostname)
        except TimeoutError:
            return ProbeResult(answer=Answer.TIMEOUT)
        except ConnectionRefusedError:
            return ProbeResult(answer=Answer.REFUSED)
        except h11.RemoteProtocolError:
            return ProbeResult(answer=Answer.NOT_HTTP)
        except OSError:
            return ProbeResult(answer=Answer.RESET)

    async def _exchange(self, port: int, path: str, hostname: str) -> ProbeResult:
        reader, writer = await asyncio.open_connection(HOST, port)
        try:
            connection = h11.Connection(h11.CLIENT)
            request = h11.Request(method="GET", target=quote(path, safe=punctuation), headers=self._headers(hostname))
            writer.write(connection.send(request) + connection.send(h11.EndOfMessage()))
            response = await _read_response(connection, reader)
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
        return _understand(response) if response else ProbeResult(answer=Answer.RESET)

    def _headers(self, hostname: str) -> list[tuple[str, str]]:
        return [("Host", hostname), ("User-Agent", self._user_agent), ("Accept", "*/*"), ("Connection", "close")]


async def _read_response(connection: h11.Connection, reader: asyncio.StreamReader) -> h11.Response | None:
    """The final answer (not a 1xx before it); None when the connection was closed before a byte of it came."""
    has_answered = False
    while True:
        event = connection.next_event()
        if isinstance(event, h11.Response):
            return event
        if event is h11.NEED_DATA:
            data = await reader.read(CHUNK)
            if not data and not has_answered:
                return None
            has_answered = has_answered or bool(data)
            connection.receive_data(data)
        elif not isinstance(event, h11.InformationalResponse):
            return None


def _understand(response: h11.Response) -> ProbeResult:
    headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in response.headers)
    location = next((value for name, value in headers if name == "location"), None)
    return ProbeResult(answer=Answer.STATUS, status=response.status_code, location=location, headers=headers)
