"""The router is started again when it dies, at once but not without end."""

import asyncio

from tests.fakes.machine import Machine


async def test_dead_router_is_started_again_with_its_routes():
    machine = Machine()
    machine.registry.push("reg.example.com/shop:v1")
    daemon = machine.daemon()
    await daemon.deploy()
    keeping = asyncio.ensure_future(daemon.reconciler.keep_router())
    await machine.clock.sleep(10)

    machine.router.kill()
    await machine.clock.sleep(0.01)

    assert machine.router.is_running
    assert await machine.route_of("shop") == (3001,)
    keeping.cancel()
    await daemon.bury()


async def test_router_that_dies_again_and_again_does_not_keep_us_busy():
    machine = Machine()
    daemon = machine.daemon()
    starts = 0

    async def dies_at_once() -> None:
        nonlocal starts
        starts += 1

    machine.router.wait_died = dies_at_once  # type: ignore[method-assign] # no fake dies that often
    keeping = asyncio.ensure_future(daemon.reconciler.keep_router())
    await machine.clock.sleep(10)
    keeping.cancel()

    assert 10 <= starts <= 21
    await daemon.bury()
