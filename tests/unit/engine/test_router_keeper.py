"""The router is restarted at once when it exits, with a pause if it keeps crashing."""

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


async def test_a_crash_looping_router_causes_no_busy_loop():
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
