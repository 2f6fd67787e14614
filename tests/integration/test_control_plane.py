"""The API at this server's public name: passed on by the router, apart from every app."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from pvdify.adapters.haproxy import control_plane
from pvdify.adapters.haproxy.config import Front
from pvdify.adapters.haproxy.control_plane import ControlPlane
from pvdify.adapters.haproxy.router import HaproxyRouter
from pvdify.model.route import Route
from pvdify.ports.router import API_KEY_HEADER
from pvdify.settings import Address
from tests.load.real_router import RouterProcess
from tests.support.endpoints import here
from tools.free_port import free_port

pytestmark = pytest.mark.router
HOST, SHOP = "apps.test", "shop.apps.test"


@dataclass
class Pvdifyd:
    """Record each request's head and answer it; ``/api/v1/stream`` continues until the test ends it."""

    address: Address
    heads: list[str] = field(default_factory=list)
    ends: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.heads.append(head)
        kind = b"text/event-stream" if " /api/v1/stream" in head else b"application/json"
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: " + kind + b"\r\n\r\n{}")
        if kind == b"text/event-stream":
            await writer.drain()
            await self.ends.wait()
            writer.write(b"end")
        writer.close()


@pytest.fixture
async def pvdifyd() -> AsyncIterator[Pvdifyd]:
    pvdifyd = Pvdifyd(Address(host="127.0.0.1", port=free_port()))
    async with await asyncio.start_server(pvdifyd, pvdifyd.address.host, pvdifyd.address.port):
        yield pvdifyd


async def started(
    process: RouterProcess,
    listen: Address,
    *,
    prefix: str = "",
    front: Front | None = None,
    has_dashboard: bool = False,
):
    plane = ControlPlane(hostname=HOST, prefix=prefix, listen=listen, has_dashboard=has_dashboard)
    router = process.connect(front=front, control_plane=plane)
    await router.ensure_running()
    return router


@pytest.fixture
async def router(process: RouterProcess, pvdifyd: Pvdifyd) -> AsyncIterator[HaproxyRouter]:
    router = await started(process, pvdifyd.address)
    yield router
    await router.close()


@pytest.mark.parametrize("host", ["apps.test", "APPS.test", "apps.test.", "apps.test:443"])
async def test_the_api_is_at_the_public_name(
    router: HaproxyRouter, process: RouterProcess, pvdifyd: Pvdifyd, host: str
) -> None:
    answer = await ask(process, "/api/v1/apps?limit=1", host=host)

    assert answer.status == 200
    assert pvdifyd.heads[0].startswith("GET /api/v1/apps?limit=1 HTTP/1.1")


@pytest.mark.parametrize(
    ("host", "path"),
    [("apps.test", "/"), ("apps.test", "/metrics"), ("apps.test", "/api/v11"), ("x.apps.test", "/api/v1/apps")],
)
async def test_only_the_api_is_at_the_public_name(
    router: HaproxyRouter, process: RouterProcess, pvdifyd: Pvdifyd, host: str, path: str
) -> None:
    assert (await ask(process, path, host=host)).status == 404
    assert pvdifyd.heads == []


@pytest.mark.parametrize("path", ["/", "/apps/shop", "/static/pvdify.css", "/api/v1/apps", "/metricss"])
async def test_a_dashboard_is_at_the_public_name_too(process: RouterProcess, pvdifyd: Pvdifyd, path: str) -> None:
    router = await started(process, pvdifyd.address, has_dashboard=True)

    answers = [(await ask(process, path, host=host)).status for host in ("apps.test", "x.apps.test")]
    await router.close()

    assert answers == [200, 404]
    assert pvdifyd.heads[0].startswith(f"GET {path} HTTP/1.1")


@pytest.mark.parametrize("path", ["/metrics", "/metrics/"])
async def test_metrics_stay_on_this_machine(process: RouterProcess, pvdifyd: Pvdifyd, path: str) -> None:
    router = await started(process, pvdifyd.address, has_dashboard=True)

    answer = await ask(process, path)
    await router.close()

    assert (answer.status, pvdifyd.heads) == (404, [])


async def test_a_dashboard_without_pvdifyd_is_a_503_page_with_retry_after(process: RouterProcess) -> None:
    router = await started(process, Address(host="127.0.0.1", port=free_port()), has_dashboard=True)

    answer = await ask(process, "/")
    await router.close()

    assert (answer.status, answer.headers["retry-after"]) == (503, "5")
    assert answer.headers["content-type"].startswith("text/html")
    assert b"pvdifyd does not answer" in answer.body


async def test_an_app_keeps_its_own_api(router: HaproxyRouter, process: RouterProcess, pvdifyd: Pvdifyd) -> None:
    app = Pvdifyd(Address(host="127.0.0.1", port=free_port()))
    async with await asyncio.start_server(app, app.address.host, app.address.port):
        await router.put(Route(app="shop", hostnames=("shop.apps.test",), slot=1, targets=here(app.address.port)))

        await ask(process, "/api/v1/apps", host="shop.apps.test")

    assert (len(app.heads), len(pvdifyd.heads)) == (1, 0)


async def test_pvdifyd_gets_the_address_and_request_id_of_the_proxy_in_front(
    router: HaproxyRouter, process: RouterProcess, pvdifyd: Pvdifyd
) -> None:
    answer = await ask(process, "/api/v1/apps", "X-Forwarded-For: 203.0.113.9", "X-Request-Id: run:7/1")

    assert "\r\nx-forwarded-for: 203.0.113.9\r\n" in pvdifyd.heads[0].lower()
    assert "\r\nx-request-id: run:7/1\r\n" in pvdifyd.heads[0].lower()
    assert answer.headers["x-request-id"] == "run:7/1"


async def test_pvdifyd_knows_its_router_by_a_key_that_no_visitor_and_no_app_sees(
    router: HaproxyRouter, process: RouterProcess, pvdifyd: Pvdifyd
) -> None:
    app = Pvdifyd(Address(host="127.0.0.1", port=free_port()))
    async with await asyncio.start_server(app, app.address.host, app.address.port):
        await router.put(Route(app="shop", hostnames=("shop.apps.test",), slot=1, targets=here(app.address.port)))

        answers = [await ask(process, "/api/v1/apps", f"{API_KEY_HEADER}: forged", host=host) for host in (HOST, SHOP)]

    key = await router.api_key()
    assert len(key) == 64
    assert re.findall(rf"{API_KEY_HEADER}: (.*)\r", pvdifyd.heads[0], re.IGNORECASE) == [key]
    assert key not in app.heads[0]
    assert key not in "".join(f"{answer.headers}" for answer in answers)


async def test_visitors_cannot_forge_an_address(process: RouterProcess, pvdifyd: Pvdifyd) -> None:
    router = await started(process, pvdifyd.address, front=Front(trusted=("192.0.2.0/24",)))

    await ask(process, "/api/v1/apps", "X-Forwarded-For: 203.0.113.9", "CF-Connecting-IP: 203.0.113.9")
    await router.close()

    assert "\r\nx-forwarded-for: 127.0.0.1\r\n" in pvdifyd.heads[0].lower()
    assert "203.0.113.9" not in pvdifyd.heads[0]


async def test_a_public_path_prefix_is_stripped(process: RouterProcess, pvdifyd: Pvdifyd) -> None:
    router = await started(process, pvdifyd.address, prefix="/ops")

    answers = [(await ask(process, path)).status for path in ("/ops/api/v1/apps", "/api/v1/apps")]
    await router.close()

    assert answers == [200, 404]
    assert pvdifyd.heads[0].startswith("GET /api/v1/apps HTTP/1.1")


async def test_an_unavailable_pvdifyd_is_a_503_problem_with_retry_after(process: RouterProcess) -> None:
    router = await started(process, Address(host="127.0.0.1", port=free_port()))

    answer = await ask(process, "/api/v1/apps", "X-Request-Id: here")
    await router.close()

    assert (answer.status, answer.headers["retry-after"]) == (503, "5")
    assert answer.headers["content-type"] == "application/problem+json"
    problem = json.loads(answer.body)
    assert (problem["code"], problem["status"], problem["request_id"]) == ("server-unreachable", 503, "here")


async def test_a_request_waits_while_pvdifyd_restarts(process: RouterProcess) -> None:
    pvdifyd = Pvdifyd(Address(host="127.0.0.1", port=free_port()))
    router = await started(process, pvdifyd.address)

    asked = asyncio.create_task(ask(process, "/api/v1/apps"))
    await asyncio.sleep(0.5)
    async with await asyncio.start_server(pvdifyd, pvdifyd.address.host, pvdifyd.address.port):
        answer = await asked
    await router.close()

    assert answer.status == 200


async def test_a_stream_is_passed_on_without_buffering(
    router: HaproxyRouter, process: RouterProcess, pvdifyd: Pvdifyd
) -> None:
    reader, writer = await asyncio.open_connection(process.listen.host, process.listen.port)
    writer.write(f"GET /api/v1/stream HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode())

    await reader.readuntil(b"{}")
    pvdifyd.ends.set()
    rest = await reader.read()
    writer.close()

    assert rest.endswith(b"end")


async def test_requests_to_pvdifyd_are_rate_limited_per_address(
    router: HaproxyRouter, process: RouterProcess, pvdifyd: Pvdifyd
) -> None:
    greedy = [await ask(process, "/api/v1/apps", "X-Forwarded-For: 203.0.113.9") for _ in range(_MOST + 5)]
    other = await ask(process, "/api/v1/apps", "X-Forwarded-For: 203.0.113.10")

    refused = [answer for answer in greedy if answer.status == 429]
    assert refused
    assert refused[0].headers["retry-after"] == str(control_plane.SECONDS)
    assert json.loads(refused[0].body)["code"] == "too-many-requests"
    assert other.status == 200
    assert len(pvdifyd.heads) == len(greedy) - len(refused) + 1


_MOST = control_plane.REQUESTS


@dataclass(frozen=True, kw_only=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


async def ask(process: RouterProcess, path: str, *headers: str, host: str = HOST) -> Answer:
    reader, writer = await asyncio.open_connection(process.listen.host, process.listen.port)
    lines = (f"GET {path} HTTP/1.1", f"Host: {host}", "Connection: close", *headers)
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    first, *rest = head.decode().split("\r\n")
    named = (line.partition(": ") for line in rest)
    return Answer(status=int(first.split()[1]), headers={name.lower(): value for name, _, value in named}, body=body)
