"""Requests of a held app wait in the real router, and go to what is live once the hold ends."""

import asyncio
import time
from dataclasses import replace

import pytest

from pvdify.adapters.haproxy.router import HaproxyRouter
from pvdify.model.route import Route
from pvdify.settings import Address
from tests.load.backend import Backend
from tests.load.real_router import RouterProcess
from tests.support.endpoints import here

pytestmark = pytest.mark.router
LONG = 60_000
MOST = 1000  # requests of one app that wait


def shop(slot: int | None, *ports: int, hold: int | None = None) -> Route:
    held_until = None if hold is None else round(time.time() * 1000) + hold
    return Route(app="shop", hostnames=("shop.test",), slot=slot, targets=here(*ports), held_until=held_until)


async def ask(listen: Address, method: str = "GET", body: bytes = b"") -> bytes:
    reader, writer = await asyncio.open_connection(listen.host, listen.port)
    head = f"{method} / HTTP/1.1\r\nHost: shop.test\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    try:
        writer.write(head.encode() + body)
        return await reader.read()
    finally:
        writer.close()


async def backend(version: str) -> Backend:
    started = Backend(version=version)
    await started.start()
    return started


async def waiting(*requests: asyncio.Task[bytes]) -> None:
    """Assert that no request is answered for a moment."""
    done, _ = await asyncio.wait(requests, timeout=0.5)
    assert done == set()


async def test_held_requests_go_to_the_release_live_at_the_end_of_the_hold(
    router: HaproxyRouter, process: RouterProcess
):
    old, new = await backend("v1"), await backend("v2")
    await router.put(shop(1, old.port))

    await router.put(shop(None, hold=LONG))
    requests = [asyncio.create_task(ask(process.listen, "POST", b"x" * 5000)) for _ in range(20)]
    await waiting(*requests)
    await router.put(shop(2, new.port))

    assert all(b" 200 " in answer and b"v2" in answer for answer in await asyncio.gather(*requests))
    await old.stop()
    await new.stop()


async def test_held_requests_get_503_when_the_hold_expires(router: HaproxyRouter, process: RouterProcess):
    await router.put(shop(None, hold=700))

    answer = await ask(process.listen)

    assert b" 503 " in answer
    assert b"retry-after: " in answer.lower()


async def test_a_resumed_app_serves_with_its_live_release(router: HaproxyRouter, process: RouterProcess):
    live = await backend("v1")
    held = shop(1, live.port, hold=LONG)
    await router.put(held)
    request = asyncio.create_task(ask(process.listen))
    await waiting(request)

    assert (await router.routes())["shop"] == held
    await router.put(replace(held, held_until=None))

    assert b" 200 " in await request
    await live.stop()


async def test_the_hold_outlives_the_router(router: HaproxyRouter, process: RouterProcess):
    live = await backend("v1")
    await router.put(shop(1, live.port, hold=LONG))

    await process.kill()
    await router.ensure_running()
    request = asyncio.create_task(ask(process.listen))
    await waiting(request)
    await router.put(shop(1, live.port))

    assert b" 200 " in await request
    await live.stop()


async def fill(listen: Address, more: int) -> tuple[set[asyncio.Task[bytes]], list[bytes]]:
    """Send ``MOST`` requests and some more; those that wait, and the answers of those that were refused."""
    requests = {asyncio.create_task(ask(listen)) for _ in range(MOST + more)}
    refused: list[bytes] = []
    while len(refused) < more:
        done, requests = await asyncio.wait(requests, return_when=asyncio.FIRST_COMPLETED)
        refused += [request.result() for request in done]
    return requests, refused


async def test_the_number_of_held_requests_per_app_is_limited(router: HaproxyRouter, process: RouterProcess):
    live = await backend("v1")
    await router.put(shop(1, live.port, hold=LONG))

    requests, refused = await fill(process.listen, 20)
    await router.put(shop(1, live.port))

    assert all(b" 503 " in answer and b"retry-after: " in answer.lower() for answer in refused)
    assert (len(refused), len(requests)) == (20, MOST)
    assert all(b" 200 " in answer for answer in await asyncio.gather(*requests))
    await live.stop()


async def test_aborted_held_requests_free_their_places(router: HaproxyRouter, process: RouterProcess):
    live = await backend("v1")
    await router.put(shop(1, live.port, hold=LONG))
    requests, _ = await fill(process.listen, 1)
    for request in requests:
        request.cancel()
    await asyncio.gather(*requests, return_exceptions=True)
    await router.put(shop(1, live.port))
    assert b" 200 " in await ask(process.listen)

    for _ in range(20):  # each of them has to wake up once before its place is free
        await router.put(shop(1, live.port, hold=LONG))
        requests, refused = await fill(process.listen, 1)
        await router.put(shop(1, live.port))
        answers = [*refused, *await asyncio.gather(*requests)]
        if sum(b" 503 " in answer for answer in answers) == 1:
            break

    assert sum(b" 200 " in answer for answer in answers) == MOST
    await live.stop()
