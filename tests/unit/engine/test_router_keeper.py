"""The router is restarted at once when it exits, with a pause if it keeps crashing."""

import asyncio

from pvdify.model.status import StatusWord
from tests.fakes.machine import Daemon, Machine


async def status_of(daemon: Daemon) -> tuple[StatusWord, str]:
    """What is said of the app: the word and its cause."""
    found = (await daemon.queries.app("shop")).status
    return found.word, found.cause


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


async def test_a_router_that_answers_late_after_its_restart_is_up_from_the_next_pass_on():
    machine = Machine()
    machine.registry.push("reg.example.com/shop:v1")
    daemon = machine.daemon()
    await daemon.deploy()
    machine.router.fail("ensure_running")
    keeping = asyncio.ensure_future(daemon.reconciler.keep_router())
    await machine.clock.sleep(0.01)
    late = await status_of(daemon)

    await daemon.reconciler.reconcile()

    assert late == (StatusWord.DOWN, "the router does not run")
    assert await status_of(daemon) == (StatusWord.LIVE, "")
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
