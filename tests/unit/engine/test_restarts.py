"""Instances that exit: who starts them again, and what is told of it."""

from tests.fakes.machine import Daemon, Machine, assert_consistent

IMAGE = "reg.example.com/shop:v1"
WEB = "pvdify-shop-web-v1-1"


async def deployed(**manifest: object) -> tuple[Machine, Daemon]:
    machine = Machine()
    machine.registry.push(IMAGE)
    daemon = machine.daemon()
    await daemon.deploy(image=IMAGE, manifest=dict(manifest))
    return machine, daemon


async def actions(machine: Machine) -> list[str]:
    return [event.action for event in await machine.store.events("shop")]


async def test_what_the_supervisor_restarts_by_itself_is_left_to_it_and_told_once():
    machine, daemon = await deployed()
    starts = len(machine.supervisor.started)

    machine.supervisor.crash_and_restart(WEB, code=3)
    await daemon.reconciler.reconcile()
    await daemon.reconciler.reconcile()

    assert len(machine.supervisor.started) == starts
    assert (await actions(machine)).count("instance.restarted") == 1
    assert (await machine.store.events("shop"))[0].text == "web.1 exited with code 3"
    await machine.clock.sleep(2)
    await daemon.reconciler.reconcile()
    await assert_consistent(machine)
    await daemon.bury()


async def test_a_restart_while_pvdifyd_was_down_is_told_by_the_next_one():
    machine, daemon = await deployed()
    await daemon.bury()
    machine.supervisor.crash_and_restart(WEB, code=137, is_out_of_memory=True)
    await machine.clock.sleep(60)

    successor = machine.daemon()
    await successor.recover()

    assert (await actions(machine)).count("instance.out-of-memory") == 1
    await successor.bury()


async def test_an_instance_of_two_that_waits_for_its_restart_gets_no_visitors():
    machine, daemon = await deployed(processes={"web": {"count": 2}})

    machine.supervisor.crash_and_restart(WEB)
    await daemon.reconciler.reconcile()
    assert len(await machine.route_of("shop")) == 1
    await machine.clock.sleep(2)
    await daemon.reconciler.reconcile()

    assert len(await machine.route_of("shop")) == 2
    await daemon.bury()


async def test_memory_that_ran_out_is_told_as_such():
    machine, daemon = await deployed()

    machine.supervisor.crash(WEB, code=137, is_out_of_memory=True)
    await daemon.reconciler.reconcile()

    assert "instance.out-of-memory" in await actions(machine)
    await daemon.bury()
