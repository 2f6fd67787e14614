"""Instances that stop answering after they went live."""

import asyncio

from pvdify.engine.running.liveness import Liveness
from tests.fakes.behaviour import Behaviour
from tests.fakes.machine import ACTOR, Daemon, Machine, assert_consistent

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
        await liveness.probe_all()
    assert machine.supervisor.running

    await liveness.probe_all()
    assert not machine.supervisor.running
    machine.prober.script(3001, 200)
    await daemon.reconciler.reconcile()

    assert machine.supervisor.running == {"pvdify-shop-web-v1-1"}
    actions = [event.action for event in await machine.store.events("shop")]
    assert actions[:2] == ["instance.restarted", "instance.unhealthy"]
    assert "answered 500 to 3 probes" in (await machine.store.events("shop"))[1].text
    await assert_consistent(machine)
    await daemon.bury()


async def test_a_good_answer_resets_the_failure_count():
    machine, daemon, liveness = await deployed()
    machine.prober.script(3001, 500, 500, 200, 500, 500, 200)

    for _ in range(6):
        await liveness.probe_all()

    assert machine.supervisor.running
    await daemon.bury()


async def test_only_the_instance_that_fails_is_restarted():
    machine, daemon, liveness = await deployed(processes={"web": {"count": 2}})
    machine.prober.script(3002, 503)

    for _ in range(3):
        await liveness.probe_all()

    assert machine.supervisor.running == {"pvdify-shop-web-v1-1"}
    await daemon.bury()


async def test_instances_are_probed_every_thirty_seconds():
    machine, daemon, liveness = await deployed()
    asked = len(machine.prober.probed)

    running = asyncio.ensure_future(liveness.run())
    await machine.clock.sleep(95)
    running.cancel()

    assert len(machine.prober.probed) == asked + 3
    await daemon.bury()


async def test_the_probes_of_many_instances_are_spread_over_the_round():
    machine, daemon, liveness = await deployed(processes={"web": {"count": 30}})
    machine.prober.probed.clear()
    running, at_once = asyncio.ensure_future(liveness.run()), []

    for _ in range(30):
        before = len(machine.prober.probed)
        await machine.clock.sleep(1)
        at_once.append(len(machine.prober.probed) - before)
    await machine.clock.sleep(0.5)

    assert len(set(machine.prober.probed)) == len(machine.prober.probed) == 30
    assert max(at_once) <= 10
    running.cancel()
    await daemon.bury()


async def test_an_instance_that_does_not_answer_delays_no_other_probe_and_is_asked_once_at_a_time():
    machine, daemon, liveness = await deployed(processes={"web": {"count": 3}}, healthcheck={"timeout": "60s"})
    machine.supervisor.script(Behaviour(answers_in=50), number=2)
    await machine.supervisor.stop("pvdify-shop-web-v1-2", 0)
    await daemon.reconciler.reconcile()
    machine.prober.probed.clear()
    running = asyncio.ensure_future(liveness.run())

    await machine.clock.sleep(90.5)

    asked = [at.port for at, _ in machine.prober.probed]
    assert (asked.count(3001), asked.count(3003)) == (3, 3)
    assert asked.count(3002) == 3  # once by the restart, and not while an earlier probe waits
    running.cancel()
    await daemon.bury()


async def test_records_are_read_for_probes_only_when_something_was_written():
    machine, daemon, liveness = await deployed()
    running = asyncio.ensure_future(liveness.run())
    await machine.clock.sleep(60)
    reads, read = [], machine.store.active_releases
    machine.store.active_releases = lambda: reads.append(1) or read()  # type: ignore[method-assign]

    await machine.clock.sleep(300)
    assert reads == []
    await daemon.requests.set_maintenance("shop", ACTOR, is_on=True)
    await machine.clock.sleep(2)

    assert reads != []
    running.cancel()
    await daemon.bury()
