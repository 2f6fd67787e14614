"""Instances that stop answering after they went live."""

import asyncio

from pvdify.engine.running.liveness import Liveness
from tests.fakes.machine import Daemon, Machine, assert_consistent

IMAGE = "reg.example.com/shop:v1"


async def deployed(**manifest: object) -> tuple[Machine, Daemon, Liveness]:
    machine = Machine()
    machine.registry.push(IMAGE)
    daemon = machine.daemon()
    await daemon.deploy(image=IMAGE, manifest=dict(manifest))
    return machine, daemon, daemon.liveness


async def test_three_failures_in_a_row_restart_the_instance_and_are_reported():
    machine, daemon, liveness = await deployed(healthcheck={"path": "/up"})
    machine.prober.script(3001, 500)
    for _ in range(2):
        await liveness.look()
    assert machine.supervisor.running

    await liveness.look()
    assert not machine.supervisor.running
    machine.prober.script(3001, 200)
    await daemon.reconciler.reconcile()

    assert machine.supervisor.running == {"pvdify-shop-web-v1-1"}
    actions = [event.action for event in await machine.store.events("shop")]
    assert actions[:2] == ["instance.restarted", "instance.unhealthy"]
    assert "answered 500 to 3 probes" in (await machine.store.events("shop"))[1].text
    await assert_consistent(machine)
    await daemon.bury()


async def test_one_good_answer_starts_the_count_anew():
    machine, daemon, liveness = await deployed()
    machine.prober.script(3001, 500, 500, 200, 500, 500, 200)

    for _ in range(6):
        await liveness.look()

    assert machine.supervisor.running
    await daemon.bury()


async def test_only_the_instance_that_fails_is_restarted():
    machine, daemon, liveness = await deployed(processes={"web": {"count": 2}})
    machine.prober.script(3002, 503)

    for _ in range(3):
        await liveness.look()

    assert machine.supervisor.running == {"pvdify-shop-web-v1-1"}
    await daemon.bury()


async def test_it_goes_on_asking_every_thirty_seconds():
    machine, daemon, liveness = await deployed()
    asked = len(machine.prober.probed)

    running = asyncio.ensure_future(liveness.run())
    await machine.clock.sleep(95)
    running.cancel()

    assert len(machine.prober.probed) == asked + 3
    await daemon.bury()
