"""The client address of a request: in headers to the app, and in the access log."""

import asyncio
import shutil
from base64 import b64encode
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from pvdify.adapters.haproxy.access_log import AccessLogFile
from pvdify.adapters.haproxy.config import Front
from pvdify.adapters.haproxy.router import HaproxyRouter
from pvdify.daemon.bootstrap import build_router
from pvdify.model.preview import gate_of
from pvdify.model.route import Route
from pvdify.model.visit import Visit
from pvdify.ports.router import PROOF_PATH
from pvdify.settings import load
from tests.load.real_router import RealClock, RouterProcess, real_router
from tests.support.endpoints import here

pytestmark = pytest.mark.router


@dataclass
class App:
    """An app that answers every request and records its headers."""

    port: int = 0
    heads: list[dict[str, str]] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        lines = [line.partition(": ") for line in head.split("\r\n")[1:] if line]
        self.heads.append({name.lower(): value for name, _, value in lines})
        writer.write(b"HTTP/1.1 200 -\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
        writer.close()


@pytest.fixture
async def app() -> AsyncIterator[App]:
    app = App()
    server = await asyncio.start_server(app.serve, "127.0.0.1", 0)
    app.port = server.sockets[0].getsockname()[1]
    async with server:
        yield app


@pytest.fixture
async def process() -> AsyncIterator[RouterProcess]:
    async with real_router() as process:
        yield process


async def routed(process: RouterProcess, app: App, front: Front | None = None) -> HaproxyRouter:
    router = process.connect(front=front)
    await router.ensure_running()
    await router.put(Route(app="shop", hostnames=("shop.test",), slot=3, targets=here(app.port)))
    return router


async def ask(
    process: RouterProcess, *headers: str, path: str = "/", host: str = "shop.test", method: str = "GET"
) -> str:
    reader, writer = await asyncio.open_connection(process.listen.host, process.listen.port)
    lines = "".join(f"{header}\r\n" for header in headers)
    writer.write(f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{lines}\r\n".encode())
    answer = (await reader.read(-1)).decode()
    writer.close()
    return answer.lower()


async def visits(process: RouterProcess, count: int) -> tuple[Visit, ...]:
    log = AccessLogFile(process.directory, clock=RealClock(), largest=1 << 26)
    async with asyncio.timeout(60):
        while len(found := await log.tail(100)) < count:
            await asyncio.sleep(0.02)
    return found


async def test_the_address_reported_by_the_tunnel_is_used(process: RouterProcess, app: App) -> None:
    router = await routed(process, app)

    await ask(
        process, "CF-Connecting-IP: 203.0.113.7", "X-Forwarded-For: 198.51.100.1, 203.0.113.7",
        "X-Forwarded-Proto: https", "X-Forwarded-Host: evil.test", "X-Forwarded-Port: 1", "Forwarded: for=1.1.1.1",
    )  # fmt: skip

    (head,) = app.heads
    assert {name: head.get(name) for name in ("x-forwarded-for", "x-real-ip", "cf-connecting-ip")} == dict.fromkeys(
        ("x-forwarded-for", "x-real-ip", "cf-connecting-ip"), "203.0.113.7"
    )
    assert (head["x-forwarded-proto"], head["x-forwarded-host"]) == ("https", "shop.test")
    assert not {"forwarded", "x-forwarded-port"} & head.keys()
    await router.close()


async def test_address_headers_follow_changes_of_the_edge(process: RouterProcess, app: App) -> None:
    data = process.directory.parent
    settings = load({"data_dir": str(data), "router_listen": str(process.listen)}, {}, data / "none.toml")
    edge = data / "credentials" / "edge.sops.yaml"
    edge.parent.mkdir()
    router = build_router(settings)
    try:
        for is_there in (False, True, False):
            edge.touch() if is_there else edge.unlink(missing_ok=True)
            await router.ensure_running()
            await router.put(Route(app="shop", hostnames=("shop.test",), slot=3, targets=here(app.port)))
            await ask(process, "CF-Connecting-IP: 203.0.113.7", "X-Forwarded-For: 198.51.100.1")
    finally:
        await router.close()
        shutil.rmtree(settings.run_dir)

    assert [head["x-forwarded-for"] for head in app.heads] == ["198.51.100.1", "203.0.113.7", "198.51.100.1"]


async def test_the_last_address_of_another_proxy_is_used(process: RouterProcess, app: App) -> None:
    router = await routed(process, app, Front(headers=("X-Forwarded-For",)))

    await ask(process, "CF-Connecting-IP: 192.0.2.99", "X-Forwarded-For: 192.0.2.99, 2001:db8::7")

    assert app.heads[0]["x-forwarded-for"] == "2001:db8::7"
    assert "cf-connecting-ip" not in app.heads[0]
    await router.close()


async def test_address_headers_of_visitors_are_ignored(process: RouterProcess, app: App) -> None:
    router = await routed(process, app, Front(trusted=("192.0.2.0/24",)))

    await ask(process, "CF-Connecting-IP: 203.0.113.7", "X-Forwarded-For: 203.0.113.7", "X-Forwarded-Proto: https",
              "True-Client-IP: 203.0.113.7")  # fmt: skip

    (head,) = app.heads
    assert "203.0.113.7" not in head.values()
    assert (head["x-forwarded-for"], head["x-real-ip"], head["x-forwarded-proto"]) == ("127.0.0.1", "127.0.0.1", "http")
    await router.close()


@pytest.mark.parametrize("nonsense", ["", "garbage", "203.0.113.7; DROP", "999.1.1.1"])
async def test_an_invalid_address_is_ignored(process: RouterProcess, app: App, nonsense: str) -> None:
    router = await routed(process, app)

    await ask(process, f"CF-Connecting-IP: {nonsense}")

    assert app.heads[0]["x-forwarded-for"] == "127.0.0.1"
    await router.close()


async def test_a_request_has_one_id_everywhere(process: RouterProcess, app: App) -> None:
    router = await routed(process, app)

    given = await ask(process, "X-Request-Id: from-my-ci.7")
    made = await ask(process, "X-Request-Id: two words")
    missing = await ask(process, host="unknown.test")

    seen = await visits(process, 3)
    assert "x-request-id: from-my-ci.7\r\n" in given
    assert [head["x-request-id"] for head in app.heads] == [visit.request_id for visit in seen[:2]]
    assert seen[0].request_id == "from-my-ci.7"
    assert len(seen[1].request_id) == 36
    assert f"x-request-id: {seen[1].request_id}\r\n" in made
    assert f"x-request-id: {seen[2].request_id}\r\n" in missing
    await router.close()


async def test_no_request_is_too_long_for_the_access_log(process: RouterProcess, app: App) -> None:
    router = await routed(process, app)

    await ask(process, method="X" * 9000)
    (odd,) = await visits(process, 1)
    await ask(process, "User-Agent: " + '"\u00e9' * 10_000, path="/" + "x" * 6000)

    served = (await visits(process, 2))[1]
    assert (odd.app, odd.method) == ("shop", "X" * 32)
    assert (served.app, len(served.path) <= 1024, 0 < len(served.agent) <= 512) == ("shop", True, True)
    await router.close()


async def test_the_access_log_reports_each_request(process: RouterProcess, app: App) -> None:
    router = await routed(process, app)

    await ask(process, 'User-Agent: a "quoted\\ agent', "CF-Connecting-IP: 203.0.113.7", path="/cart?token=secret")
    await visits(process, 1)  # lines come when connections end, so two that end at once may come in either order
    await ask(process, host="unknown.test")

    served, unknown = await visits(process, 2)
    assert (served.client, served.method, served.host, served.path) == ("203.0.113.7", "GET", "shop.test", "/cart")
    assert (served.status, served.app, served.slot, served.instance) == (200, "shop", 3, 1)
    assert served.agent == 'a "quoted\\ agent'
    assert (unknown.status, unknown.app, unknown.host) == (404, None, "unknown.test")
    assert "secret" not in (process.directory / "access.log").read_text()
    await router.close()


async def test_the_access_log_continues_after_a_crash_and_a_replacement(process: RouterProcess, app: App) -> None:
    router = await routed(process, app)
    await ask(process, path="/first")
    await visits(process, 1)
    await process.kill()
    await router.ensure_running()
    await ask(process, path="/second")
    (process.directory / "confirm.token").unlink()  # a new one makes another configuration
    await router.ensure_running()
    await ask(process, path="/third")

    assert [visit.path for visit in await visits(process, 3)] == ["/first", "/second", "/third"]
    await router.close()


async def test_only_this_router_can_prove_the_live_release_at_an_unguessable_path(
    process: RouterProcess, app: App
) -> None:
    router = await routed(process, app)
    path = f"{PROOF_PATH}0123abcd"

    answer = await ask(process, path=f"{path}?from=outside")

    head, _, body = answer.partition("\r\n\r\n")
    assert body.encode() == await router.proof(path, "shop/v3")
    assert body.encode() != await router.proof(path, "shop/v4")
    assert body.encode() != await router.proof(f"{PROOF_PATH}0123abce", "shop/v3")
    assert "cache-control: no-store" in head
    assert app.heads == []
    await router.close()


async def test_only_previews_are_marked_noindex(process: RouterProcess, app: App) -> None:
    router = await routed(process, app)
    for name in ("shop-pr-12", "shop-pr-0", "pr-tools"):
        await router.put(Route(app=name, hostnames=(f"{name}.test",), slot=1, targets=here(app.port)))
    await router.put(Route(app="shop-pr-13", hostnames=("shop-pr-13.test",), slot=None))

    marked = {name: "x-robots-tag: noindex, nofollow" in await ask(process, host=f"{name}.test") for name in (
        "shop", "shop-pr-12", "shop-pr-13", "shop-pr-0", "pr-tools", "unknown")}  # fmt: skip

    assert {name for name, is_marked in marked.items() if is_marked} == {"shop-pr-12", "shop-pr-13"}


async def test_a_gate_opens_only_for_its_password_and_hides_it_from_the_app(process: RouterProcess, app: App) -> None:
    router = await routed(process, app)
    gated = Route(app="shop-pr-12", hostnames=("pr.test",), slot=1, targets=here(app.port), gate=gate_of("team:sesame"))
    await router.put(gated)

    closed = await ask(process, host="pr.test")
    wrong = await ask(process, f"Authorization: Basic {b64encode(b'team:sesam').decode()}", host="pr.test")
    nearly = await ask(process, f"Authorization: Bearer {b64encode(b'team:sesame').decode()}", host="pr.test")
    confirming = await ask(process, "X-Pvdify-Confirm: guess", host="pr.test")
    proving = await ask(process, path=f"{PROOF_PATH}0123abcd", host="pr.test")
    assert app.heads == []
    opened = await ask(process, f"Authorization: Basic {b64encode(b'team:sesame').decode()}", host="pr.test")

    assert closed.startswith("http/1.1 401")
    assert 'www-authenticate: basic realm="preview"' in closed
    assert {wrong[:12], nearly[:12], confirming[:12]} == {"http/1.1 401"}
    assert proving.startswith("http/1.1 200")
    assert opened.startswith("http/1.1 200")
    assert "authorization" not in app.heads[0]
    await ask(process, "Authorization: Bearer x")
    assert app.heads[1]["authorization"] == "Bearer x"


@pytest.mark.parametrize("scheme", ["Basic", "basic", "BASIC", "bAsIc "])
async def test_a_gate_accepts_the_scheme_in_any_case(process: RouterProcess, app: App, scheme: str) -> None:
    await gated(process, app)

    answer = await ask(process, f"Authorization: {scheme} {b64encode(b'team:sesame').decode()}", host="pr.test")

    assert answer.startswith("http/1.1 200")
    assert "authorization" not in app.heads[0]


CORS = ("Origin: https://shop.test", "Access-Control-Request-Method: PUT")


async def test_a_gate_answers_a_cors_preflight(process: RouterProcess, app: App) -> None:
    await gated(process, app)

    asked = await ask(process, *CORS, host="pr.test", method="OPTIONS")

    assert asked.startswith("http/1.1 200")
    assert app.heads[0]["access-control-request-method"] == "PUT"


@pytest.mark.parametrize(("method", "headers"), [
    ("GET", CORS), ("POST", CORS), ("PUT", CORS), ("OPTIONS", ()), ("OPTIONS", CORS[:1]), ("OPTIONS", CORS[1:]),
    ("OPTIONS", (*CORS, "Content-Length: 2")), ("OPTIONS", (*CORS, "Transfer-Encoding: chunked")),
    ("options", CORS),
])  # fmt: skip
async def test_other_requests_do_not_pass_a_gate_as_a_preflight(
    process: RouterProcess, app: App, method: str, headers: tuple[str, ...]
) -> None:
    await gated(process, app)

    answer = await ask(process, *headers, host="pr.test", method=method)

    assert answer.startswith(("http/1.1 401", "http/1.1 400"))
    assert app.heads == []


async def gated(process: RouterProcess, app: App) -> None:
    router = await routed(process, app)
    route = Route(app="shop-pr-12", hostnames=("pr.test",), slot=1, targets=here(app.port), gate=gate_of("team:sesame"))
    await router.put(route)
    await router.close()
