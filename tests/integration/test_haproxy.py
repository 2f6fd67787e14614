"""How HAProxy with pvdify's configuration handles single requests, and how its process is kept running."""

import asyncio
import os
import signal
import stat
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pvdify.adapters.haproxy import disk
from pvdify.adapters.haproxy.access_log import AccessLogFile
from pvdify.adapters.haproxy.config import Front
from pvdify.adapters.haproxy.maps import HOSTS, LIVE, MAPS, Change, Tables, apply
from pvdify.adapters.haproxy.router import HaproxyRouter
from pvdify.adapters.haproxy.runtime_api import RuntimeApi
from pvdify.errors import RouterUnavailable
from pvdify.model.route import Route
from pvdify.settings import Address
from tests.load import Load
from tests.load.backend import Backend
from tests.load.connection import RequestFailed
from tests.load.real_router import RealClock, RouterProcess, real_router
from tests.load.websocket import WebSocket
from tests.support.endpoints import here
from tools.free_port import free_port

pytestmark = pytest.mark.router


def shop(slot: int, *targets: int) -> Route:
    return Route(app="shop", hostnames=("shop.test", "www.shop.test"), slot=slot, targets=here(*targets))


async def test_a_request_that_an_app_drops_is_an_error_and_not_retried(
    router: HaproxyRouter, process: RouterProcess
) -> None:
    """The app closes every third connection without an answer."""
    seen: Counter[str] = Counter()

    async def rude(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        method = head.split(b" ")[0].decode()
        seen[method] += 1
        if seen[method] % 3:
            writer.write(b"HTTP/1.1 200 -\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n")
        writer.close()

    server = await asyncio.start_server(rude, "127.0.0.1", 0)
    async with server:
        await router.put(shop(1, server.sockets[0].getsockname()[1]))
        statuses = {"GET": Counter[int](), "POST": Counter[int]()}
        for method, counter in statuses.items():
            for _ in range(12):
                counter[await one_request(process.listen, method)] += 1

    assert statuses == {"GET": {200: 8, 502: 4}, "POST": {200: 8, 502: 4}}
    assert seen == {"GET": 12, "POST": 12}


async def test_headers_towards_the_app_and_the_visitor(router: HaproxyRouter, process: RouterProcess) -> None:
    heads: list[str] = []

    async def app(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append((await reader.readuntil(b"\r\n\r\n")).decode().lower())
        writer.write(b"HTTP/1.1 200 -\r\nX-Pvdify-Slot: forged\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(app, "127.0.0.1", 0)
    async with server:
        await router.put(shop(1, server.sockets[0].getsockname()[1]))
        plain = await exchange(process.listen, "GET", "X-Pvdify-Confirm: guess\r\nX-Forwarded-Proto: https\r\n")
        _, slot = await router.ask("shop.test", "/", 5)

    assert "x-pvdify-slot" not in plain.lower()
    assert slot == "shop/v1"
    assert [("x-pvdify" in head, "x-forwarded-for: 127.0.0.1" in head) for head in heads] == [(False, True)] * 2
    assert "x-forwarded-proto: https" in heads[0]
    assert "x-forwarded-proto: http\r" in heads[1]


@pytest.mark.parametrize("is_asked_for", [False, True])
async def test_http2_without_tls_is_served_only_if_enabled(process: RouterProcess, is_asked_for: bool) -> None:
    router = process.connect(front=Front(has_http2=is_asked_for))
    await router.ensure_running()
    settings_frame = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
    reader, writer = await asyncio.open_connection(process.listen.host, process.listen.port)

    writer.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + settings_frame)

    answer = await reader.readexactly(9)
    assert (answer[3] == 4) == is_asked_for  # the answer is a SETTINGS frame too
    assert answer.startswith(b"HTTP/1.1 ") != is_asked_for
    writer.close()
    await router.close()


async def test_a_streamed_answer_is_passed_on_without_buffering(router: HaproxyRouter, process: RouterProcess) -> None:
    backend = Backend(version="v1")
    await backend.start()
    await router.put(shop(1, backend.port))
    reader, writer = await asyncio.open_connection(process.listen.host, process.listen.port)
    loop = asyncio.get_running_loop()

    writer.write(b"GET /stream?lines=5&ms=300 HTTP/1.1\r\nHost: shop.test\r\n\r\n")
    await reader.readuntil(b"line 0\n")
    first = loop.time()
    await reader.readuntil(b"line 4\n")

    assert loop.time() - first > 0.3  # all five arrive together if the router waits for the end
    writer.close()
    await backend.stop()


async def test_a_port_in_use_is_explained(process: RouterProcess) -> None:
    taken = Backend(version="v1", port=process.listen.port)
    await taken.start()

    with pytest.raises(RouterUnavailable) as caught:
        await process.connect().ensure_running()

    assert str(process.listen) in caught.value.what
    assert "Address already in use" in caught.value.why
    assert "--router-listen" in caught.value.next
    await taken.stop()


async def test_only_the_exit_of_the_newest_process_counts(router: HaproxyRouter, process: RouterProcess) -> None:
    backend = Backend(version="v1")
    await backend.start()
    await router.put(shop(1, backend.port))
    async with Load(str(process.listen), "shop.test", clients=0, websockets=1) as load:  # keeps the old process busy
        await asyncio.sleep(0.1)
        (old,) = process.pids()
        waiting = asyncio.create_task(router.wait_died())
        (process.directory / "confirm.token").unlink()  # a new one makes another configuration
        await router.ensure_running()
        (new,) = set(process.pids()) - {old}
        await asyncio.sleep(0.05)
        assert not waiting.done()

        os.kill(new, signal.SIGKILL)

        await asyncio.wait_for(waiting, 30)
        assert process.pids() == (old,)
        assert load.report.failures == []
    await backend.stop()


async def test_two_routers_never_share_a_port(router: HaproxyRouter, process: RouterProcess) -> None:
    async with real_router() as second:
        with pytest.raises(RouterUnavailable, match="does not start"):
            await second.connect(listen=process.listen).ensure_running()

    assert len(process.pids()) == 1


async def test_drift_in_the_process_is_repaired(router: HaproxyRouter, process: RouterProcess) -> None:
    route = shop(1, free_port())
    await router.put(route)
    api = RuntimeApi(process.run_dir / "haproxy.sock")
    await api.ask_all(["del map hosts.map shop.test", "set map live.map shop x/v9", "add map hosts.map odd.test odd"])
    assert await router.routes() != {"shop": route}

    await router.ensure_running()

    assert await router.routes() == {"shop": route}


async def test_a_lost_command_socket_is_recreated(router: HaproxyRouter, process: RouterProcess) -> None:
    await router.put(shop(1, free_port()))
    (process.run_dir / "haproxy.sock").unlink()

    await router.ensure_running()

    assert list(await router.routes()) == ["shop"]


async def test_a_process_that_answers_late_is_not_started_again(router: HaproxyRouter, process: RouterProcess) -> None:
    await router.put(shop(1, free_port()))
    (before,) = process.pids()
    waiting = asyncio.create_task(router.wait_died())
    os.kill(before, signal.SIGSTOP)  # as on a machine without processor time for it

    ensuring = asyncio.create_task(router.ensure_running())
    await asyncio.wait([ensuring], timeout=7)  # longer than one try
    os.kill(before, signal.SIGCONT)
    await ensuring

    assert process.pids() == (before,)
    assert not waiting.done()
    assert list(await router.routes()) == ["shop"]
    waiting.cancel()


async def test_all_files_are_readable_by_root_only(router: HaproxyRouter, process: RouterProcess) -> None:
    await router.put(shop(1, free_port()))

    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in process.directory.iterdir()}

    assert modes == dict.fromkeys(
        ("haproxy.cfg", "hold.lua", "access.log", "confirm.token", *MAPS),
        stat.S_IRUSR | stat.S_IWUSR,
    )
    assert stat.S_IMODE(process.directory.stat().st_mode) == stat.S_IRWXU
    assert stat.S_IMODE((process.run_dir / "haproxy.sock").stat().st_mode) == stat.S_IRUSR | stat.S_IWUSR


def test_maps_are_read_back_as_written(tmp_path: Path) -> None:
    tables = apply(Tables(), [Change(map=HOSTS, key="a.test", value="a"), Change(map=LIVE, key="a", value="a/v1")])
    disk.prepare(tmp_path)

    disk.write_tables(tmp_path, tables, [HOSTS, LIVE])

    assert disk.read_tables(tmp_path) == tables


def test_the_token_is_made_once(tmp_path: Path) -> None:
    assert disk.prepare(tmp_path) == disk.prepare(tmp_path) == disk.read_token(tmp_path) != ""


@pytest.mark.parametrize(
    ("binary", "why"),
    [("/does/not/exist", "No such file or directory"), ("/bin/true", "is not HAProxy")],
)
async def test_a_binary_that_cannot_serve_is_explained(process: RouterProcess, binary: str, why: str) -> None:
    with pytest.raises(RouterUnavailable) as caught:
        await process.connect(binary=binary).ensure_running()

    assert why in caught.value.why
    assert "router_binary" in caught.value.next


async def test_a_binary_that_is_too_old_is_refused(process: RouterProcess, tmp_path: Path) -> None:
    old = tmp_path / "haproxy"
    old.write_text("#!/bin/sh\necho HA-Proxy version 2.2.9-2 2021/02/27\n")
    old.chmod(0o700)

    with pytest.raises(RouterUnavailable) as caught:
        await process.connect(binary=str(old)).ensure_running()

    assert "2.2.9-2, which is too old" in caught.value.why


async def test_files_that_cannot_be_written_leave_the_route_in_force(
    router: HaproxyRouter, process: RouterProcess
) -> None:
    route = shop(1, free_port())
    await router.put(route)
    (process.directory / "live.map.new").mkdir()  # where the next version would be written

    with pytest.raises(RouterUnavailable, match="files"):
        await router.put(shop(2, free_port()))

    assert await router.routes() == {"shop": route}


async def test_ended_requests_close_with_the_end_of_the_stream(router: HaproxyRouter, process: RouterProcess) -> None:
    """End a WebSocket, an event stream and an answer that has not begun; another app's request is not affected."""
    old, other, begun = Backend(version="old"), Backend(version="other"), datetime.now(UTC)
    await old.start()
    await other.start()
    await router.put(shop(1, old.port))
    await router.put(Route(app="blog", hostnames=("blog.test",), slot=1, targets=here(other.port)))
    async with WebSocket(process.listen.host, process.listen.port, "blog.test") as kept:
        async with WebSocket(process.listen.host, process.listen.port, "shop.test") as socket:
            await socket.echo(b"hello")
            answers = [
                asyncio.create_task(exchange(process.listen, method, path=path))
                for method, path in (("GET", "/stream?lines=1000&ms=100"), ("POST", "/slow?ms=60000"))
            ]
            async with asyncio.timeout(60):
                while (await router.traffic("shop", 1)).in_flight < 3:
                    await asyncio.sleep(0.01)

            ended = await router.end_requests(here(old.port))

            stream, slow = await asyncio.wait_for(asyncio.gather(*answers), 60)
            with pytest.raises(RequestFailed, match="cut off"):
                await socket.echo(b"are you there?")
        await kept.echo(b"still here")
    await old.stop()
    await other.stop()

    assert ended == 3
    assert "line 0" in stream
    assert not stream.endswith("0\r\n\r\n")
    assert "200" not in slow.partition("\r\n")[0]
    await logged_as_ended(process, begun, 3)


async def test_requests_that_a_replaced_process_carries_are_ended_too(process: RouterProcess) -> None:
    backend, begun = Backend(version="old"), datetime.now(UTC)
    await backend.start()
    router = process.connect()
    await router.ensure_running()
    await router.put(shop(1, backend.port))
    async with WebSocket(process.listen.host, process.listen.port, "shop.test") as socket:
        await socket.echo(b"hello")
        successor = process.connect(front=Front(trusted=("192.0.2.0/24",)))
        await successor.ensure_running()

        ended = await successor.end_requests(here(backend.port))

        with pytest.raises(RequestFailed, match="cut off"):
            await socket.echo(b"are you there?")
    await successor.close()
    await router.close()
    await backend.stop()
    assert ended == 1
    await logged_as_ended(process, begun, 1)


async def logged_as_ended(process: RouterProcess, since: datetime, count: int) -> None:
    """Wait until the access log has so many requests to the first slot that pvdifyd ended."""
    log = AccessLogFile(process.directory, clock=RealClock(), largest=1 << 26)
    async with asyncio.timeout(60):
        while (await log.cut("shop", since, 1)).ended != count:
            await asyncio.sleep(0.02)


async def one_request(listen: Address, method: str) -> int:
    return int((await exchange(listen, method)).split(" ")[1])


async def exchange(listen: Address, method: str, headers: str = "", *, path: str = "/") -> str:
    reader, writer = await asyncio.open_connection(listen.host, listen.port)
    length = "Content-Length: 0\r\n" if method == "POST" else ""
    writer.write(f"{method} {path} HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n{length}{headers}\r\n".encode())
    answer = (await reader.read(-1)).decode()
    writer.close()
    return answer
