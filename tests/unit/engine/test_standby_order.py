"""Which slot is on standby for a rollback, and how long others may drain: decided by release numbers and ``drain``."""

import pytest

from pvdify.model.operation import Strategy
from pvdify.model.route import Traffic
from pvdify.model.slot import Slot, SlotState
from tests.fakes.machine import Daemon, Machine, assert_consistent

V1, V2, V3, V4 = (f"reg.example.com/shop:v{number}" for number in (1, 2, 3, 4))
LONG = {"drain": "60s"}


@pytest.fixture
async def machine():
    machine = Machine(standby="600s")
    for image in (V1, V2, V3, V4):
        machine.registry.push(image)
    return machine


@pytest.fixture
async def daemon(machine: Machine):
    daemon = machine.daemon()
    yield daemon
    await daemon.bury()


async def states(machine: Machine) -> dict[int, SlotState]:
    return {slot.number: slot.state for slot in await machine.store.slots("shop")}


def begin_long_answer(machine: Machine, slot: int) -> None:
    machine.router.serve("shop", slot, Traffic(requests=1, in_flight=1))


def end_long_answer(machine: Machine, slot: int) -> None:
    machine.router.serve("shop", slot, Traffic(in_flight=-1))


async def test_the_previous_release_stays_on_standby_when_an_older_one_ends_its_last_answer(
    machine: Machine, daemon: Daemon
):
    await daemon.deploy(image=V1, manifest=LONG)
    begin_long_answer(machine, 1)
    await daemon.deploy(image=V2)
    await daemon.deploy(image=V3)
    await machine.clock.sleep(10)
    assert await states(machine) == {1: SlotState.DRAINING, 2: SlotState.STANDBY, 3: SlotState.LIVE}

    end_long_answer(machine, 1)
    await machine.clock.sleep(10)

    assert await states(machine) == {2: SlotState.STANDBY, 3: SlotState.LIVE}
    assert machine.supervisor.running == {"pvdify-shop-web-v2-1", "pvdify-shop-web-v3-1"}
    assert (await daemon.queries.release("shop", 3)).previous == 2


async def test_an_endless_answer_keeps_its_release_only_for_its_drain(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1, manifest=LONG)
    begin_long_answer(machine, 1)
    await daemon.deploy(image=V2, manifest={"drain": "5s"})
    switched = machine.clock.monotonic()
    await daemon.deploy(image=V3)

    while "pvdify-shop-web-v1-1" in machine.supervisor.names:
        await machine.clock.sleep(1)

    assert 58 <= machine.clock.monotonic() - switched <= 63
    assert (await states(machine))[2] is SlotState.STANDBY
    counted = {count.release: count for count in await machine.store.switch_counts("shop", 1, 99)}
    assert counted[2].cut == 1


async def test_after_a_rollback_the_release_that_was_rolled_back_is_on_standby(machine: Machine, daemon: Daemon):
    """v3 repeats v1 in v1's slot; when v4 displaces it, that slot has served later than v2's."""
    await daemon.deploy(image=V1)
    await daemon.deploy(image=V2, manifest=LONG)
    begin_long_answer(machine, 2)
    await daemon.rollback()
    await daemon.deploy(image=V4)
    await machine.clock.sleep(10)

    end_long_answer(machine, 2)
    await machine.clock.sleep(10)

    assert await states(machine) == {1: SlotState.STANDBY, 4: SlotState.LIVE}
    await assert_consistent(machine)


async def test_a_restart_of_the_daemon_does_not_lengthen_drain(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1, manifest=LONG)
    begin_long_answer(machine, 1)
    await daemon.deploy(image=V2)
    switched = machine.clock.monotonic()
    await machine.clock.sleep(40)
    await daemon.bury()
    daemon = machine.daemon()
    await daemon.recover()

    while (await states(machine))[1] is SlotState.DRAINING:
        await machine.clock.sleep(1)

    assert 58 <= machine.clock.monotonic() - switched <= 63
    await daemon.bury()


async def test_a_restart_of_the_daemon_in_between_changes_nothing(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1, manifest=LONG)
    begin_long_answer(machine, 1)
    await daemon.deploy(image=V2)
    await daemon.deploy(image=V3)
    await daemon.bury()
    daemon = machine.daemon()
    await daemon.recover()

    end_long_answer(machine, 1)
    await machine.clock.sleep(10)

    assert await states(machine) == {2: SlotState.STANDBY, 3: SlotState.LIVE}
    await daemon.bury()


async def test_scaling_in_between_changes_nothing(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1, manifest=LONG)
    begin_long_answer(machine, 1)
    await daemon.deploy(image=V2)
    await daemon.scale(web=2)
    await daemon.deploy(image=V3)
    await daemon.scale(web=3)
    await daemon.restart()

    end_long_answer(machine, 1)
    await machine.clock.sleep(10)

    assert await states(machine) == {2: SlotState.STANDBY, 3: SlotState.LIVE}
    await assert_consistent(machine)


async def test_stop_first_leaves_no_standby_slot(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1, manifest=LONG)
    begin_long_answer(machine, 1)
    await daemon.deploy(image=V2)

    await daemon.deploy(image=V3, strategy=Strategy.STOP_FIRST)
    await machine.clock.sleep(60)  # until the drain of v1 is over

    assert await states(machine) == {3: SlotState.LIVE}
    assert machine.supervisor.running == {"pvdify-shop-web-v3-1"}


async def test_the_slot_of_a_failed_rollback_is_on_standby_again(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1)
    await daemon.deploy(image=V2, manifest=LONG)
    begin_long_answer(machine, 2)
    await daemon.deploy(image=V3)
    await machine.clock.sleep(5)
    machine.router.fail("put", times=1)

    release = await daemon.rollback()
    await machine.clock.sleep(20)

    assert release.failure is not None
    assert await states(machine) == {2: SlotState.STANDBY, 3: SlotState.LIVE}


async def test_a_standby_slot_causes_no_store_reads_until_a_change(
    machine: Machine, daemon: Daemon, monkeypatch: pytest.MonkeyPatch
):
    asked: list[int] = []
    read = machine.store.slot

    async def slot(app: str, number: int) -> Slot | None:
        asked.append(number)
        return await read(app, number)

    await daemon.deploy(image=V1)
    await daemon.deploy(image=V2)
    await machine.clock.sleep(30)
    assert (await states(machine))[1] is SlotState.STANDBY

    monkeypatch.setattr(machine.store, "slot", slot)
    await machine.clock.sleep(300)
    quiet = len(asked)
    begun = machine.clock.monotonic()
    await daemon.deploy(image=V3)
    await machine.clock.sleep(15)

    assert quiet <= 6
    assert await states(machine) == {2: SlotState.STANDBY, 3: SlotState.LIVE}
    assert machine.clock.monotonic() - begun < 60
