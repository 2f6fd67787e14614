"""The router's counts, compared with those of an outside client."""

import asyncio
from collections import Counter
from itertools import accumulate

import pytest

from pvdify.model.route import WAIT_BOUNDS, Route
from tests.load.real_router import real_router
from tests.support.endpoints import here

pytestmark = pytest.mark.router
CLIENTS, REQUESTS = 8, 150
STATUSES = (200, 200, 200, 204, 302, 404, 410, 500, 501, 503)
SLOW = 0.06


async def app(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers with the status in the path; ``/slow`` takes its time."""
    path = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1].decode()
    if path == "/slow":
        await asyncio.sleep(SLOW)
    status = path.removeprefix("/") if path != "/slow" else "200"
    length = "" if status == "204" else "Content-Length: 0\r\n"
    writer.write(f"HTTP/1.1 {status} -\r\n{length}Connection: close\r\n\r\n".encode())
    writer.close()


async def client(host: str, port: int, number: int, seen: Counter[str]) -> None:
    reader, writer = await asyncio.open_connection(host, port)
    for index in range(REQUESTS):
        path = "slow" if index % 25 == 0 else str(STATUSES[(index + number) % len(STATUSES)])
        method = "POST" if index % 3 == 0 else "GET"
        length = "Content-Length: 0\r\n" if method == "POST" else ""
        writer.write(f"{method} /{path} HTTP/1.1\r\nHost: shop.test\r\n{length}\r\n".encode())
        status = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1].decode()
        seen[f"{status[0]}xx"] += 1
        seen["slow"] += path == "slow"
    writer.close()


async def test_counts_agree_with_an_outside_client() -> None:
    async with real_router() as process:
        router = process.connect()
        await router.ensure_running()
        server = await asyncio.start_server(app, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        await router.put(Route(app="shop", hostnames=("shop.test",), slot=4, targets=here(port, port)))
        seen: Counter[str] = Counter()

        await asyncio.gather(
            *(client(process.listen.host, process.listen.port, number, seen) for number in range(CLIENTS))
        )
        counted = await router.counts()
        await router.close()
        server.close()

    by_class = [sum(values) for values in zip(*(target.by_class for target in counted), strict=True)]
    waits = [sum(values) for values in zip(*(target.waits for target in counted), strict=True)]
    assert sum(target.requests for target in counted) == CLIENTS * REQUESTS
    assert dict(zip(("1xx", "2xx", "3xx", "4xx", "5xx"), by_class, strict=True)) == {
        "1xx": 0, **{name: seen[name] for name in ("2xx", "3xx", "4xx", "5xx")}
    }  # fmt: skip
    assert sum(target.app_errors for target in counted) == seen["5xx"]
    assert sum(waits) == CLIENTS * REQUESTS
    fast = dict(zip(WAIT_BOUNDS, accumulate(waits), strict=False))[0.05]
    assert CLIENTS * REQUESTS - fast >= seen["slow"]
    assert sum(target.seconds for target in counted) >= SLOW * seen["slow"] * 0.95
