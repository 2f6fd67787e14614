"""One peer, app or preview cannot affect the visitors of other apps."""

import asyncio
import resource
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from pvdify.adapters.haproxy import bulkheads
from pvdify.adapters.haproxy.config import Front
from pvdify.adapters.haproxy.router import HaproxyRouter
from pvdify.model.route import Route
from tests.load.real_router import RouterProcess
from tests.support.endpoints import here
from tests.support.waiting import until

pytestmark = pytest.mark.router
DESCRIPTORS = 20_000
HALF = b"GET / HTTP/1.1\r\nHost: shop-pr-1.test\r\nX-Slow: "
NEVER = b"GET /never HTTP/1.1\r\nHost: %s\r\n\r\n"
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture(autouse=True)
def _many_descriptors() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    if before[1] < DESCRIPTORS:
        pytest.skip(f"needs {DESCRIPTORS} descriptors, {before[1]} are allowed here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


async def app(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers, but for ``/never``."""
    path = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1]
    if path == b"/never":
        await reader.read()
    else:
        writer.write(b"HTTP/1.1 200 -\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    writer.close()


@pytest.fixture
async def port() -> AsyncIterator[int]:
    server = await asyncio.start_server(app, "127.0.0.1", 0, backlog=4096)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def routed(router: HaproxyRouter, port: int) -> None:
    for name in ("shop", "shop-pr-1", "blog"):
        await router.put(Route(app=name, hostnames=(f"{name}.test",), slot=1, targets=here(port)))


@pytest.mark.parametrize("many", [8_050, bulkheads.MAX_CONNECTIONS + 200])
async def test_incomplete_request_heads_to_a_preview_do_not_block_another_app(
    router: HaproxyRouter, process: RouterProcess, port: int, many: int
) -> None:
    """Also with more connections than the limit: they are closed before a visitor gives up."""
    await routed(router, port)

    async with holding(process, many, HALF):
        answers = [await status(process, "blog.test") for _ in range(3)]

    assert answers == [200, 200, 200]


async def test_endless_requests_to_a_preview_leave_capacity_for_the_app(
    router: HaproxyRouter, process: RouterProcess, port: int
) -> None:
    await routed(router, port)

    async with holding(process, bulkheads.MAX_OF_PREVIEW, NEVER % b"shop-pr-1.test"):
        while (await router.traffic("shop-pr-1", 1)).in_flight < bulkheads.MAX_OF_PREVIEW:
            await asyncio.sleep(0.02)
        refused = await head(process, "shop-pr-1.test")
        others = [await status(process, f"{name}.test") for name in ("shop", "blog")]
        own, _ = await router.ask("shop-pr-1.test", "/", 20)

    assert refused.startswith("HTTP/1.1 503")
    assert "retry-after: 5" in refused.lower()
    assert others == [200, 200]
    assert own.status == 200


async def test_a_single_client_address_gets_only_a_share_of_the_connections(process: RouterProcess, port: int) -> None:
    router = process.connect(front=Front(trusted=("192.0.2.0/24",)))
    await router.ensure_running()
    await routed(router, port)

    # Complete requests: the router closes a connection with an incomplete head after some seconds, and a busy machine
    # opens fewer connections in that time.
    async with holding(process, bulkheads.MAX_OF_PEER, NEVER % b"shop.test") as held:

        async def is_full() -> bool:
            """Holds one more each time: a busy router may have closed some of those that were held."""
            try:
                held.append(await hold(process, NEVER % b"shop.test"))
                return await is_refused(process)
            except ConnectionError:  # the router closes a connection above the share at once
                return True

        await until(is_full, "the router accepts more connections than one address may have")
        other = await status(process, "blog.test", address="127.0.0.2")

    assert other == 200
    await router.close()


@asynccontextmanager
async def holding(process: RouterProcess, many: int, content: bytes) -> AsyncIterator[list[Connection]]:
    held = [await hold(process, content) for _ in range(many)]
    try:
        yield held
    finally:
        for _, writer in held:
            writer.transport.abort()
        await asyncio.sleep(0)


async def hold(process: RouterProcess, content: bytes) -> Connection:
    reader, writer = await asyncio.open_connection(process.listen.host, process.listen.port, limit=1024)
    writer.write(content)
    return reader, writer


async def is_refused(process: RouterProcess) -> bool:
    return not await head(process, "blog.test")


async def status(process: RouterProcess, hostname: str, *, address: str = "127.0.0.1") -> int:
    return int((await head(process, hostname, address=address)).split(" ")[1])


async def head(process: RouterProcess, hostname: str, *, address: str = "127.0.0.1") -> str:
    """The answer's head; empty where the connection was closed without one."""
    host, port = process.listen.host, process.listen.port
    try:
        async with asyncio.timeout(120):
            reader, writer = await asyncio.open_connection(host, port, local_addr=(address, 0))
            writer.write(f"GET / HTTP/1.1\r\nHost: {hostname}\r\nConnection: close\r\n\r\n".encode())
            answer = await reader.read()
            writer.close()
    except ConnectionResetError:
        return ""
    return answer.partition(b"\r\n\r\n")[0].decode()
