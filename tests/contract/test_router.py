"""Contract of the ``router`` port: the fake, and HAProxy."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Protocol

import pytest

from pvdify.errors import RouterUnavailable
from pvdify.model.endpoint import Endpoint
from pvdify.model.probe import Answer
from pvdify.model.route import Route, Traffic
from pvdify.ports.router import Router
from tests.fakes.places import at
from tests.fakes.router import FakeRouter
from tests.load.backend import Backend
from tests.load.real_router import RouterProcess, real_router
from tests.load.websocket import WebSocket
from tests.support.endpoints import here
from tools.free_port import free_port


class World(Protocol):
    """A router and its targets."""

    router: Router

    async def target(self, status: int = 200) -> Endpoint:
        """A port whose target answers everything with this status."""
        ...

    def dead_target(self) -> Endpoint:
        """An endpoint where nothing listens."""
        ...

    async def open_websocket(self, at: Endpoint) -> None:
        """Open a WebSocket to the shop's first slot, which the only target of its route accepts."""
        ...

    async def kill(self) -> None:
        """Kill the router with SIGKILL."""
        ...


@dataclass
class FakeWorld:
    router: FakeRouter
    next_port: int = 3000

    async def target(self, status: int = 200) -> Endpoint:
        self.next_port += 1
        self.router.answers[self.next_port] = status
        return at(self.next_port)

    def dead_target(self) -> Endpoint:
        self.next_port += 1
        self.router.answers[self.next_port] = None
        return at(self.next_port)

    async def open_websocket(self, at: Endpoint) -> None:
        self.router.serve("shop", 1, Traffic(requests=1, in_flight=1))

    async def kill(self) -> None:
        self.router.kill()


class RealWorld:
    def __init__(self, process: RouterProcess) -> None:
        self.process = process
        self.router = process.connect()
        self.backends: list[Backend] = []
        self.sockets: list[WebSocket] = []

    async def target(self, status: int = 200) -> Endpoint:
        backend = Backend(version="any", status=status)
        await backend.start()
        self.backends.append(backend)
        return here(backend.port)[0]

    def dead_target(self) -> Endpoint:
        return here(free_port())[0]

    async def open_websocket(self, at: Endpoint) -> None:
        socket = WebSocket(self.process.listen.host, self.process.listen.port, "shop.test")
        self.sockets.append(await socket.__aenter__())

    async def kill(self) -> None:
        await self.process.kill()

    async def close(self) -> None:
        await self.router.close()
        for socket in self.sockets:
            await socket.__aexit__(None, None, None)
        for backend in self.backends:
            await backend.stop()


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.router)])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    if request.param == "fake":
        yield FakeWorld(FakeRouter())
        return
    async with real_router() as process:
        world = RealWorld(process)
        await world.router.ensure_running()
        yield world
        await world.close()


def shop(*targets: Endpoint, slot: int | None = 1, hostnames: tuple[str, ...] = ("shop.test",)) -> Route:
    return Route(app="shop", hostnames=hostnames, slot=slot, targets=targets)


async def status_and_slot(world: World, hostname: str = "shop.test") -> tuple[int | None, str | None]:
    result, slot = await world.router.ask(hostname, "/", timeout=60)
    return result.status, slot


async def test_a_new_router_has_no_routes(world: World) -> None:
    assert await world.router.routes() == {}


async def test_an_unknown_hostname_is_not_found(world: World) -> None:
    assert await status_and_slot(world, "unknown.test") == (404, None)


async def test_a_put_route_is_effective(world: World) -> None:
    route = shop(await world.target(), await world.target())

    await world.router.put(route)

    assert await world.router.routes() == {"shop": route}
    assert await status_and_slot(world) == (200, "shop/v1")


async def test_a_path_may_have_any_characters(world: World) -> None:
    await world.router.put(shop(await world.target()))

    result, slot = await world.router.ask("shop.test", "/gesundheit-ü/%C3%BC/{a}", timeout=60)

    assert (result.status, slot) == (200, "shop/v1")


async def test_hostnames_are_returned_in_alphabetical_order(world: World) -> None:
    await world.router.put(shop(await world.target(), hostnames=("www.shop.test", "a.test", "shop.test")))

    assert (await world.router.routes())["shop"].hostnames == ("a.test", "shop.test", "www.shop.test")


async def test_putting_twice_equals_once(world: World) -> None:
    route = shop(await world.target())

    await world.router.put(route)
    await world.router.put(route)

    assert await world.router.routes() == {"shop": route}


async def test_a_switch_moves_every_hostname(world: World) -> None:
    hostnames = ("shop.test", "www.shop.test")
    await world.router.put(shop(await world.target(), hostnames=hostnames))

    await world.router.put(shop(await world.target(), slot=2, hostnames=hostnames))

    assert await status_and_slot(world, "shop.test") == (200, "shop/v2")
    assert await status_and_slot(world, "www.shop.test") == (200, "shop/v2")


async def test_a_switch_back_reaches_the_old_slot(world: World) -> None:
    first, second = shop(await world.target()), shop(await world.target(), slot=2)
    await world.router.put(first)
    await world.router.put(second)

    await world.router.put(first)

    assert await status_and_slot(world) == (200, "shop/v1")


@pytest.mark.parametrize("written", ["SHOP.test", "shop.test.", "shop.test:8080", "Shop.Test.:80"])
async def test_hostnames_match_in_any_spelling(world: World, written: str) -> None:
    await world.router.put(shop(await world.target()))

    assert await status_and_slot(world, written) == (200, "shop/v1")


async def test_a_dropped_hostname_is_not_found(world: World) -> None:
    target = await world.target()
    await world.router.put(shop(target, hostnames=("shop.test", "old.test")))

    await world.router.put(shop(target))

    assert await status_and_slot(world, "old.test") == (404, None)
    assert await status_and_slot(world) == (200, "shop/v1")


async def test_a_hostname_can_move_to_another_app(world: World) -> None:
    await world.router.put(shop(await world.target(), hostnames=("shop.test", "moving.test")))

    await world.router.put(Route(app="blog", hostnames=("moving.test",), slot=7, targets=(await world.target(),)))

    assert await status_and_slot(world, "moving.test") == (200, "blog/v7")
    assert (await world.router.routes())["shop"].hostnames == ("shop.test",)


async def test_an_app_without_a_slot_is_unavailable(world: World) -> None:
    await world.router.put(shop(await world.target()))

    await world.router.put(shop(slot=None))

    assert await status_and_slot(world) == (503, None)
    assert await world.router.routes() == {"shop": shop(slot=None)}


async def test_an_app_in_maintenance_says_so(world: World) -> None:
    await world.router.put(shop(await world.target()))

    await world.router.put(replace(shop(slot=None), is_in_maintenance=True))

    assert await status_and_slot(world) == (503, None)
    assert await world.router.routes() == {"shop": replace(shop(slot=None), is_in_maintenance=True)}


async def test_an_app_without_hostnames_is_still_known(world: World) -> None:
    route = shop(await world.target(), hostnames=())

    await world.router.put(route)

    assert await world.router.routes() == {"shop": route}


async def test_a_slot_without_targets_is_unavailable(world: World) -> None:
    await world.router.put(shop())

    assert await status_and_slot(world) == (503, None)
    assert await world.router.routes() == {"shop": shop()}


async def test_a_slot_can_grow_and_shrink(world: World) -> None:
    one, two, three = await world.target(), await world.target(), await world.target()
    await world.router.put(shop(one, two))

    for targets in [(one, two, three), (three,), (two, one)]:
        await world.router.put(shop(*targets))
        assert (await world.router.routes())["shop"].targets == targets
        assert await status_and_slot(world) == (200, "shop/v1")


async def test_an_instance_is_removed_from_its_slot_but_never_the_last_one(world: World) -> None:
    one, two, three = await world.target(), await world.target(), await world.target()
    await world.router.put(shop(one, two, three))

    for number, left in [(2, (1, 3)), (2, (1, 3)), (9, (1, 3)), (1, (3,)), (3, (3,))]:
        await world.router.take_out("shop", 1, number)
        assert (await world.router.routes())["shop"].numbers == left
        assert await status_and_slot(world) == (200, "shop/v1")

    await world.router.put(shop(one, two, three))
    assert (await world.router.routes())["shop"] == shop(one, two, three)


async def test_removing_an_instance_moves_no_request_to_another_slot(world: World) -> None:
    old, other, new = await world.target(), await world.target(), await world.target()
    await world.router.put(shop(old, other))
    await world.router.put(shop(new, slot=2))

    await world.router.take_out("shop", 1, 1)
    await world.router.take_out("unknown", 1, 1)

    assert await world.router.routes() == {"shop": shop(new, slot=2)}


async def test_a_removed_app_is_not_found_and_others_stay(world: World) -> None:
    await world.router.put(shop(await world.target()))
    await world.router.put(Route(app="shop-two", hostnames=("two.test",), slot=3, targets=(await world.target(),)))

    await world.router.remove("shop")
    await world.router.remove("shop")

    assert list(await world.router.routes()) == ["shop-two"]
    assert await status_and_slot(world) == (404, None)
    assert await status_and_slot(world, "two.test") == (200, "shop-two/v3")


async def test_requests_are_counted_for_the_slot_that_got_them(world: World) -> None:
    await world.router.put(shop(await world.target()))
    await status_and_slot(world)
    await status_and_slot(world)
    await world.router.put(shop(await world.target(), slot=2))
    await status_and_slot(world)

    assert await world.router.traffic("shop", 1) == Traffic(requests=2)
    assert await world.router.traffic("shop", 2) == Traffic(requests=1)
    assert await world.router.traffic("shop", 3) == Traffic()


async def test_an_instance_has_its_own_counts_also_after_its_removal(world: World) -> None:
    one, two = await world.target(), await world.target()
    await world.router.put(shop(one))
    await status_and_slot(world)

    await world.router.put(Route(app="shop", hostnames=("shop.test",), slot=1, targets=(two,), numbers=(2,)))
    await status_and_slot(world)
    await status_and_slot(world)

    assert (await world.router.routes())["shop"].numbers == (2,)
    assert (await world.router.traffic("shop", 1, 1)).requests == 1
    assert (await world.router.traffic("shop", 1, 2)).requests == 2
    assert (await world.router.traffic("shop", 1, 3)) == Traffic()
    assert (await world.router.traffic("shop", 1)).requests == 3


async def test_all_targets_are_counted_at_once(world: World) -> None:
    await world.router.put(shop(await world.target()))
    await world.router.put(Route(app="blog", hostnames=("blog.test",), slot=7, targets=(await world.target(501),)))
    for hostname in ("shop.test", "shop.test", "blog.test"):
        await status_and_slot(world, hostname)

    blog, shop_count = await world.router.counts()

    assert (blog.app, blog.slot, blog.number, blog.requests) == ("blog", 7, 1, 1)
    assert (blog.app_errors, blog.router_errors, blog.by_class) == (1, 0, (0, 0, 0, 0, 1))
    assert (shop_count.app, shop_count.slot, shop_count.requests) == ("shop", 1, 2)
    assert (shop_count.by_class, sum(shop_count.waits)) == ((0, 2, 0, 0, 0), 2)


async def test_errors_of_the_app_and_of_the_router_are_distinguished(world: World) -> None:
    await world.router.put(shop(await world.target(status=501)))
    await world.router.put(Route(app="blog", hostnames=("blog.test",), slot=1, targets=(world.dead_target(),)))

    assert await status_and_slot(world) == (501, "shop/v1")
    assert await status_and_slot(world, "blog.test") == (503, None)

    assert await world.router.traffic("shop", 1) == Traffic(requests=1, app_errors=1)
    assert await world.router.traffic("blog", 1) == Traffic(requests=1, router_errors=1)


async def test_a_forgotten_slot_has_no_counts(world: World) -> None:
    await world.router.put(shop(await world.target()))
    await status_and_slot(world)
    await world.router.put(shop(await world.target(), slot=2))

    await world.router.forget("shop", 1)
    await world.router.forget("shop", 1)

    assert await world.router.traffic("shop", 1) == Traffic()
    assert await status_and_slot(world) == (200, "shop/v2")


async def test_a_live_slot_is_not_forgotten(world: World) -> None:
    await world.router.put(shop(await world.target()))

    with pytest.raises(ValueError, match="shop/v1 is live"):
        await world.router.forget("shop", 1)

    assert await status_and_slot(world) == (200, "shop/v1")


async def test_a_killed_router_serves_no_request_and_reports_it(world: World) -> None:
    await world.router.put(shop(await world.target()))

    await world.kill()

    with pytest.raises(RouterUnavailable):
        await world.router.routes()
    with pytest.raises(RouterUnavailable):
        await world.router.traffic("shop", 1)
    result, slot = await world.router.ask("shop.test", "/", timeout=60)
    assert (result.answer, slot) == (Answer.REFUSED, None)


async def test_a_killed_router_is_detected(world: World) -> None:
    waiting = asyncio.create_task(world.router.wait_died())
    await asyncio.sleep(0.02)
    assert not waiting.done()

    await world.kill()

    await asyncio.wait_for(waiting, 30)
    await asyncio.wait_for(world.router.wait_died(), 30)


async def test_routes_survive_a_crash_of_the_router(world: World) -> None:
    route = shop(await world.target())
    await world.router.put(route)
    await world.kill()

    await world.router.ensure_running()

    assert await world.router.routes() == {"shop": route}
    assert await status_and_slot(world) == (200, "shop/v1")


async def test_a_put_without_a_router_fails_and_may_be_in_force_later(world: World) -> None:
    await world.router.put(shop(await world.target()))
    await world.kill()
    second = shop(await world.target(), slot=2)

    with pytest.raises(RouterUnavailable):
        await world.router.put(second)
    await world.router.ensure_running()
    await world.router.put(second)

    assert await status_and_slot(world) == (200, "shop/v2")


async def test_ensuring_twice_changes_nothing(world: World) -> None:
    route = shop(await world.target())
    await world.router.put(route)
    await status_and_slot(world)

    await world.router.ensure_running()

    assert await world.router.routes() == {"shop": route}
    assert await world.router.traffic("shop", 1) == Traffic(requests=1)


async def test_a_gate_is_kept_and_does_not_block_pvdifys_own_check(world: World) -> None:
    gated = replace(shop(await world.target(200)), gate="5e" * 32)
    await world.router.put(gated)

    assert await world.router.routes() == {"shop": gated}
    assert await status_and_slot(world) == (200, "shop/v1")
    opened = replace(gated, gate=None)
    await world.router.put(opened)
    assert await world.router.routes() == {"shop": opened}
    await world.router.put(gated)
    await world.router.remove("shop")
    assert await world.router.routes() == {}


async def test_what_is_in_flight_to_a_target_can_be_ended(world: World) -> None:
    target = await world.target()
    await world.router.put(shop(target))
    await world.open_websocket(target)
    await world.open_websocket(target)
    assert (await world.router.traffic("shop", 1)).in_flight == 2

    ended = await world.router.end_requests([target])

    assert ended == 2
    assert await in_flight_falls_to(world, 0)
    assert await status_and_slot(world) == (200, "shop/v1")


async def test_what_is_in_flight_to_other_targets_is_not_ended(world: World) -> None:
    target = await world.target()
    await world.router.put(shop(target))
    await world.open_websocket(target)

    ended = await world.router.end_requests([await world.target()])

    assert ended == 0
    assert (await world.router.traffic("shop", 1)).in_flight == 1


async def in_flight_falls_to(world: World, count: int) -> bool:
    async with asyncio.timeout(60):
        while (await world.router.traffic("shop", 1)).in_flight != count:
            await asyncio.sleep(0.01)
    return True
