"""Targets at other addresses than 127.0.0.1: real requests through the real router reach them."""

import asyncio
import socket

import pytest

from pvdify.model.endpoint import Endpoint
from pvdify.model.probe import Answer
from pvdify.model.route import Route
from tests.load.real_router import real_router

pytestmark = pytest.mark.router


async def app(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    if head.startswith(b"GET /slow"):
        await reader.read()  # until the router ends the connection
    else:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    writer.close()


@pytest.mark.parametrize("host", ["127.0.0.2", "::1"])
async def test_requests_reach_a_target_at_another_address(host: str) -> None:
    if ":" in host and not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    async with real_router() as process, await asyncio.start_server(app, host, 0) as server:
        router = process.connect()
        await router.ensure_running()
        target = Endpoint(host, server.sockets[0].getsockname()[1])
        route = Route(app="shop", hostnames=("shop.test",), slot=4, targets=(target, target))

        await router.put(route)
        answers = [await router.ask("shop.test", "/", 5) for _ in range(4)]
        slow = asyncio.create_task(router.ask("shop.test", "/slow", 10))
        while (await router.traffic("shop", 4)).in_flight == 0:
            await asyncio.sleep(0.05)
        ended = await router.end_requests([target])
        await slow

        assert (await router.routes())["shop"] == route
        assert [(result.answer, result.status, slot) for result, slot in answers] == [
            (Answer.STATUS, 200, "shop/v4")
        ] * 4
        assert ended == 1
        await router.put(Route(app="shop", hostnames=("shop.test",), slot=5, targets=(target,)))
        await router.forget("shop", 4)
        assert (await router.ask("shop.test", "/", 5))[0].status == 200
        await router.close()
