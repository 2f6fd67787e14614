"""Connections that are open at the end of a drain: closed and counted, so that a standby slot has no visitors."""

from collections.abc import Collection

import pytest

from pvdify.model.endpoint import Endpoint
from pvdify.model.operation import Strategy
from pvdify.model.release import SwitchCount
from pvdify.model.route import Traffic
from pvdify.model.slot import SlotState
from pvdify.model.visit import Visit
from tests.fakes.machine import Daemon, Killed, Machine, assert_consistent

V1, V2 = "reg.example.com/shop:v1", "reg.example.com/shop:v2"
DRAIN = {"drain": "20s", "processes": {"web": {"count": 2}}}


@pytest.fixture
async def machine():
    machine = Machine(standby="600s")
    machine.registry.push(V1)
    machine.registry.push(V2)
    return machine


@pytest.fixture
async def daemon(machine: Machine):
    daemon = machine.daemon()
    yield daemon
    await daemon.bury()


def open_websockets(machine: Machine, *, slot: int) -> None:
    """Open three WebSockets to the first instance and one to the second."""
    machine.router.serve("shop", slot, Traffic(requests=3, in_flight=3), number=1)
    machine.router.serve("shop", slot, Traffic(requests=1, in_flight=1), number=2)


async def state_of(machine: Machine, number: int) -> SlotState | None:
    slot = await machine.store.slot("shop", number)
    return slot.state if slot else None


async def counted(machine: Machine, release: int) -> SwitchCount:
    (found,) = [count for count in await machine.store.switch_counts("shop", release, release)]
    return found


async def test_a_standby_slot_has_no_open_connections(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1, manifest=DRAIN)
    open_websockets(machine, slot=1)

    await daemon.deploy(image=V2)
    while await state_of(machine, 1) is SlotState.DRAINING:
        await machine.clock.sleep(1)

    assert await state_of(machine, 1) is SlotState.STANDBY
    assert (await machine.router.traffic("shop", 1)).in_flight == 0
    assert (await counted(machine, 2)).cut == 4


async def test_no_connection_is_closed_before_the_end_of_the_drain(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1, manifest=DRAIN)
    open_websockets(machine, slot=1)
    await daemon.deploy(image=V2)

    await machine.clock.sleep(18)

    assert (await machine.router.traffic("shop", 1)).in_flight == 4


async def test_connections_that_end_by_themselves_are_not_counted_as_lost(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1, manifest=DRAIN)
    machine.router.serve("shop", 1, Traffic(requests=1, in_flight=1))
    await daemon.deploy(image=V2)
    await machine.clock.sleep(10)

    machine.router.serve("shop", 1, Traffic(in_flight=-1))
    await machine.clock.sleep(3)

    assert await state_of(machine, 1) is SlotState.STANDBY
    assert (await counted(machine, 2)).cut == 0


async def test_a_rollback_during_the_drain_keeps_connections_open(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1, manifest=DRAIN)
    open_websockets(machine, slot=1)
    await daemon.deploy(image=V2)
    await machine.clock.sleep(10)

    await daemon.rollback()
    await machine.clock.sleep(60)

    assert await state_of(machine, 1) is SlotState.LIVE
    assert (await machine.router.traffic("shop", 1)).in_flight == 4
    await assert_consistent(machine)


async def test_a_rollback_while_it_drains_ends_the_count_of_the_switch(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1, manifest=DRAIN)
    open_websockets(machine, slot=1)
    await daemon.deploy(image=V2)
    machine.router.serve("shop", 2, Traffic(requests=7))
    await machine.clock.sleep(10)

    await daemon.rollback()
    machine.router.serve("shop", 1, Traffic(requests=100))
    await machine.clock.sleep(60)

    found = await counted(machine, 2)
    assert found.is_final
    assert 7 <= found.served < 100


async def test_a_router_that_fails_once_during_the_drain_is_retried(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1, manifest=DRAIN)
    open_websockets(machine, slot=1)
    await daemon.deploy(image=V2)
    machine.router.fail("end_requests", times=2)

    await machine.clock.sleep(25)

    assert (await machine.router.traffic("shop", 1)).in_flight == 0
    assert (await counted(machine, 2)).cut == 4


async def test_requests_in_flight_at_a_stop_first_deploy_are_counted(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1, manifest=DRAIN)
    open_websockets(machine, slot=1)

    await daemon.deploy(image=V2, strategy=Strategy.STOP_FIRST)
    await daemon.finish_retirements()

    assert (await counted(machine, 2)).cut >= 4


async def test_they_are_counted_also_if_pvdifyd_is_killed_while_the_old_release_stops(
    machine: Machine, daemon: Daemon, monkeypatch: pytest.MonkeyPatch
):
    stop = machine.supervisor.stop

    async def last(name: str, grace: float) -> None:
        await stop(name, grace)
        machine.router.serve("shop", 1, Traffic(in_flight=-(await machine.router.traffic("shop", 1)).in_flight))
        daemon.is_dead = True

    await daemon.deploy(image=V1, manifest=DRAIN)
    open_websockets(machine, slot=1)
    monkeypatch.setattr(machine.supervisor, "stop", last)
    with pytest.raises(Killed):
        await daemon.deploy(image=V2, strategy=Strategy.STOP_FIRST)
    await daemon.bury()

    successor = machine.daemon()
    monkeypatch.setattr(machine.supervisor, "stop", stop)
    await successor.recover()
    await successor.finish_retirements()

    assert (await counted(machine, 2)).cut == 4
    await successor.bury()


async def test_answers_that_broke_off_during_a_switch_are_counted(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1, manifest=DRAIN)
    machine.access_log.visits.append(visit(machine, ended="SD--"))  # long before the switch
    await machine.clock.sleep(60)
    machine.router.serve("shop", 1, Traffic(requests=1, in_flight=1))
    await daemon.deploy(image=V2)

    machine.access_log.visits += [visit(machine, ended=ended) for ended in ("SD--", "sD--", "CD--", "----")]
    machine.router.serve("shop", 1, Traffic(in_flight=-1))
    await machine.clock.sleep(5)

    assert (await counted(machine, 2)).cut == 2


@pytest.mark.parametrize("is_killed", [False, True])
async def test_connections_that_were_closed_are_counted_once_also_if_pvdifyd_is_killed_right_after(
    machine: Machine, daemon: Daemon, monkeypatch: pytest.MonkeyPatch, is_killed: bool
):
    end_requests = machine.router.end_requests

    async def logged(targets: Collection[Endpoint]) -> int:
        ended = await end_requests(targets)
        machine.access_log.visits += [visit(machine, ended="KD--") for _ in range(ended)]
        daemon.is_dead = is_killed
        return ended

    monkeypatch.setattr(machine.router, "end_requests", logged)
    await daemon.deploy(image=V1, manifest=DRAIN)
    open_websockets(machine, slot=1)
    await daemon.deploy(image=V2)
    await machine.clock.sleep(25)

    successor = daemon
    if is_killed:
        assert await state_of(machine, 1) is SlotState.DRAINING
        await daemon.bury()
        successor = machine.daemon()
        await successor.recover()

    assert await state_of(machine, 1) is SlotState.STANDBY
    assert (await counted(machine, 2)).cut == 4
    await successor.bury()


def visit(machine: Machine, *, ended: str) -> Visit:
    return Visit(
        at=machine.clock.now(), request_id="1", client="203.0.113.7", protocol="https", method="GET", host="shop.test",
        path="/", status=200, seconds=0.1, wait=0.0, bytes_in=1, bytes_out=1, target="shop/v1:1", retries=0,
        ended=ended, agent="",
    )  # fmt: skip
