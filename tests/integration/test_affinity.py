"""A visitor of an app with affinity, with a real router: at one instance for as long as there is that instance."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

import pytest

from pvdify.adapters.haproxy.affinity import COOKIE
from pvdify.adapters.haproxy.router import HaproxyRouter
from pvdify.model.route import Route
from tests.load.real_router import RouterProcess, real_router
from tests.support.endpoints import here
from tools.free_port import free_port

pytestmark = pytest.mark.router
REQUESTS = 12


@dataclass
class Instance:
    """An instance that sends its name in a header and a cookie, and records the cookies it receives."""

    name: str
    port: int = 0
    cookies: list[str | None] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[1:]
        sent = [line.partition(": ")[2] for line in lines if line.lower().startswith("cookie:")]
        self.cookies.append(sent[0] if sent else None)
        writer.write(
            f"HTTP/1.1 200 -\r\nContent-Length: 0\r\nX-Name: {self.name}\r\nSet-Cookie: own=1; Path=/\r\n"
            "Connection: close\r\n\r\n".encode()
        )
        writer.close()


@dataclass
class Visitor:
    """Keeps our cookie as a browser does; ``others`` are cookies of the app."""

    process: RouterProcess
    cookie: str | None = None
    others: str = ""
    given: list[str] = field(default_factory=list)

    async def ask(self, method: str = "GET", *headers: str) -> str:
        """The name of the instance that answered."""
        cookies = "; ".join(filter(None, (self.others, f"{COOKIE}={self.cookie}" if self.cookie else "")))
        lines = [*headers, *([f"Cookie: {cookies}"] if cookies else []), "Content-Length: 0"]
        reader, writer = await asyncio.open_connection(self.process.listen.host, self.process.listen.port)
        head = f"{method} / HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n"
        writer.write((head + "".join(f"{line}\r\n" for line in lines) + "\r\n").encode())
        answer = (await reader.read(-1)).decode()
        writer.close()
        found = [line.partition(": ") for line in answer.split("\r\n")]
        self.given = [value for name, _, value in found if name.lower() == "set-cookie"]
        for value in self.given:
            if value.startswith(f"{COOKIE}="):
                self.cookie = value.partition("=")[2].partition(";")[0]
        return next(value for name, _, value in found if name.lower() == "x-name")

    async def several(self) -> set[str]:
        return {await self.ask() for _ in range(REQUESTS)}


@pytest.fixture
async def process() -> AsyncIterator[RouterProcess]:
    async with real_router() as process:
        yield process


@pytest.fixture
async def router(process: RouterProcess) -> AsyncIterator[HaproxyRouter]:
    router = process.connect()
    await router.ensure_running()
    yield router
    await router.close()


@pytest.fixture
async def instances() -> AsyncIterator[list[Instance]]:
    found = [Instance(f"i{number}") for number in range(4)]
    servers = [await asyncio.start_server(each.serve, "127.0.0.1", 0) for each in found]
    for each, server in zip(found, servers, strict=True):
        each.port = server.sockets[0].getsockname()[1]
    yield found
    for server in servers:
        server.close()


def shop(*targets: Instance | int, numbers: tuple[int, ...] = (), slot: int = 1) -> Route:
    ports = tuple(it if isinstance(it, int) else it.port for it in targets)
    return Route(
        app="shop", hostnames=("shop.test",), slot=slot, targets=here(*ports), numbers=numbers, has_affinity=True
    )


async def test_each_visitor_keeps_its_instance_and_visitors_are_spread(process, router, instances):
    await router.put(shop(*instances[:3]))
    visitors = [Visitor(process) for _ in range(24)]

    seen = [await visitor.several() for visitor in visitors]

    assert all(len(names) == 1 for names in seen)
    assert set.union(*seen) == {"i0", "i1", "i2"}


async def test_the_cookie_is_given_once_and_reveals_nothing(process, router, instances):
    await router.put(shop(*instances[:2]))
    visitor = Visitor(process)

    await visitor.ask()

    own, ours = visitor.given
    assert own == "own=1; Path=/"
    assert ours == f"{COOKIE}={visitor.cookie}; Path=/; HttpOnly; SameSite=Lax"
    assert visitor.cookie is not None
    assert len(visitor.cookie) == 32
    await visitor.ask("GET")
    assert visitor.given == ["own=1; Path=/"]


async def test_over_https_the_cookie_is_for_https_alone(process, router, instances):
    await router.put(shop(instances[0]))
    visitor = Visitor(process)

    await visitor.ask("GET", "X-Forwarded-Proto: https")

    assert visitor.given[1].endswith("; HttpOnly; SameSite=Lax; Secure")


@pytest.mark.parametrize("others", ["", "own=1", "own=1; theirs=a=b", f"x{COOKIE}=7"])
async def test_the_app_sees_its_own_cookies_and_not_ours(process, router, instances, others: str):
    await router.put(shop(instances[0]))
    visitor = Visitor(process, others=others)

    await visitor.several()
    visitor.others = f"{others}; last=1".removeprefix("; ")
    await visitor.ask()

    assert set(instances[0].cookies[:-1]) == {others or None}
    assert instances[0].cookies[-1] == visitor.others


async def test_a_visitor_stays_when_instances_join_and_others_leave(process, router, instances):
    await router.put(shop(instances[0]))
    visitor = Visitor(process)
    await visitor.ask()

    await router.put(shop(*instances[:3]))
    assert await visitor.several() == {"i0"}
    await router.put(shop(*instances[:2]))
    assert await visitor.several() == {"i0"}


async def test_a_restarted_instance_keeps_its_visitors(process, router, instances):
    await router.put(shop(instances[0], instances[1]))
    visitor = Visitor(process)
    before = await visitor.ask()
    cookie = visitor.cookie

    await router.put(shop(instances[2], instances[3], numbers=(101, 102)))

    assert await visitor.several() == {"i2" if before == "i0" else "i3"}
    assert visitor.cookie == cookie


async def test_visitors_of_a_removed_instance_get_another_one(process, router, instances):
    await router.put(shop(*instances[:3]))
    visitors = [Visitor(process) for _ in range(12)]
    for visitor in visitors:
        await visitor.ask()

    await router.take_out("shop", 1, 2)

    left = [await visitor.several() for visitor in visitors]
    assert all(len(names) == 1 for names in left)
    assert set.union(*left) == {"i0", "i2"}
    await router.put(shop(*instances[:3]))
    assert [await visitor.several() for visitor in visitors] == left


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_request_refused_by_its_instance_is_sent_to_another_one(process, router, instances, method: str):
    await router.put(shop(instances[0], instances[1]))
    visitor = Visitor(process)
    while await visitor.ask() != "i1":
        visitor.cookie = None

    await router.put(shop(instances[0], free_port()))  # as one that has just died: its port is known, nothing listens

    assert await visitor.ask(method) == "i0"
    assert await visitor.several() == {"i0"}


async def test_after_a_deploy_the_old_cookie_is_replaced(process, router, instances):
    await router.put(shop(instances[0], instances[1]))
    visitor = Visitor(process)
    await visitor.ask()
    old = visitor.cookie

    await router.put(shop(instances[2], instances[3], slot=2))

    assert len(await visitor.several()) == 1
    assert visitor.cookie != old


async def test_a_forged_cookie_is_ignored(process, router, instances):
    await router.put(shop(instances[0], instances[1]))
    for made_up in ("1", "101.0", "shop/v1:1", "a" * 4000, "../../x"):
        visitor = Visitor(process, cookie=made_up)

        assert len(await visitor.several()) == 1
        assert visitor.cookie != made_up


async def test_without_affinity_there_is_no_cookie_and_a_left_one_is_kept_from_the_app(process, router, instances):
    await router.put(shop(instances[0]))
    visitor = Visitor(process)
    await visitor.ask()

    await router.put(replace(shop(instances[0], instances[1]), has_affinity=False))

    assert await visitor.several() == {"i0", "i1"}
    assert visitor.given == ["own=1; Path=/"]
    assert instances[1].cookies == [None] * len(instances[1].cookies)


async def test_routes_and_affinity_survive_a_crash_of_the_router(process, router, instances):
    route = shop(*instances[:3], numbers=(1, 102, 3))
    await router.put(route)
    visitor = Visitor(process)
    before = await visitor.ask()

    await process.kill()
    await router.ensure_running()

    assert await router.routes() == {"shop": route}
    assert await visitor.several() == {before}


async def test_removed_slots_and_apps_leave_no_map_entries(process, router, instances):
    await router.put(shop(instances[0]))
    await router.put(shop(instances[1], slot=2))
    await router.forget("shop", 1)
    assert "shop/v1" not in (process.directory / "affinity.map").read_text(encoding="utf-8")

    await router.remove("shop")

    assert (process.directory / "affinity.map").read_text(encoding="utf-8") == ""
