"""``--strategy stop-first``: memory for one release only, a reported gap, and the old release back after a failure."""

from typing import Any

import pytest

from pvdify.model.operation import Strategy
from pvdify.model.release import Release, ReleaseStatus
from pvdify.model.route import Traffic
from pvdify.model.slot import SlotState
from tests.fakes.behaviour import Behaviour
from tests.fakes.machine import ACTOR, Daemon, Machine, assert_consistent
from tests.support.wanted import deploy_request

V1, V2 = "reg.example.com/shop:v1", "reg.example.com/shop:v2"
TWO_TYPES: dict[str, Any] = {"processes": {"web": {"count": 2}, "worker": {"command": ["worker"]}}}
PLACES = (("web", 1), ("web", 2), ("worker", 1))
USED = 32 * 1024**2  # what a container of the fake supervisor uses


@pytest.fixture
def machine() -> Machine:
    machine = Machine(standby="600s")
    for image in (V1, V2):
        machine.registry.push(image, content=image)
    return machine


@pytest.fixture
def daemon(machine: Machine) -> Daemon:
    return machine.daemon()


async def stop_first(daemon: Daemon, image: str = V2) -> Release:
    return await daemon.deploy(image=image, strategy=Strategy.STOP_FIRST)


async def test_the_live_release_stops_before_the_new_one_starts(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1, manifest=TWO_TYPES)
    machine.supervisor.calls.clear()

    release = await stop_first(daemon)

    calls = [call for call in machine.supervisor.calls if call[0] in ("start", "stop")]
    assert release.status is ReleaseStatus.ACTIVE
    assert calls[:3] == [("stop", f"pvdify-shop-{name}-v1-{number}") for name, number in PLACES]
    assert {call for call in calls[3:] if call[0] == "start"} == {
        ("start", f"pvdify-shop-{name}-v2-{number}") for name, number in PLACES
    }
    await daemon.finish_retirements()
    await assert_consistent(machine)


async def test_requests_are_held_and_the_receipt_reports_for_how_long(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1)
    machine.supervisor.script(Behaviour(listens_after=3.0), slot=2)
    machine.router.puts.clear()

    release = await stop_first(daemon)

    assert release.receipt is not None
    assert release.receipt.held is not None
    assert 3.0 < release.receipt.held < 10.0
    assert release.receipt.downtime is None
    waits, goes_on = machine.router.puts
    assert waits.held_until is not None
    assert waits.slot is None
    assert goes_on.held_until is None
    assert machine.unserved == []


async def test_requests_are_refused_after_the_hold(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1, manifest={"hold": "2s"})
    machine.supervisor.script(Behaviour(listens_after=3.0), slot=2)

    release = await stop_first(daemon)

    assert release.receipt is not None
    assert release.receipt.held == 2.0
    assert release.receipt.downtime is not None
    assert 1.0 < release.receipt.downtime < 8.0


async def test_a_slow_answer_gets_half_of_the_hold(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1, manifest={"hold": "10s"})
    machine.router.serve("shop", 1, Traffic(requests=10, in_flight=1))

    release = await stop_first(daemon)

    assert release.receipt is not None
    assert release.receipt.steps["make_room"] == pytest.approx(5.0, abs=0.5)


async def test_a_web_socket_does_not_keep_requests_waiting(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1)
    machine.router.serve("shop", 1, Traffic(requests=10, in_flight=2))
    (port,) = await machine.route_of("shop")
    machine.router.web_sockets[port] = 2

    release = await stop_first(daemon)

    assert release.receipt is not None
    assert release.receipt.steps["make_room"] < 1.0


async def test_without_a_hold_requests_are_refused_and_the_receipt_reports_for_how_long(
    machine: Machine, daemon: Daemon
):
    await daemon.deploy(image=V1, manifest={"hold": "0"})
    machine.supervisor.script(Behaviour(listens_after=3.0), slot=2)

    release = await stop_first(daemon)

    assert release.receipt is not None
    assert release.receipt.downtime is not None
    assert 3.0 < release.receipt.downtime < 10.0
    assert "make_room" in release.receipt.steps
    assert machine.unserved == []


async def test_a_blue_green_deploy_refuses_no_request(daemon: Daemon):
    await daemon.deploy(image=V1)

    release = await daemon.deploy(image=V2)

    assert release.receipt is not None
    assert release.receipt.downtime is None
    assert "make_room" not in release.receipt.steps


async def test_the_first_release_has_nothing_to_stop(daemon: Daemon):
    release = await stop_first(daemon, V1)

    assert release.status is ReleaseStatus.ACTIVE
    assert release.receipt is not None
    assert release.receipt.downtime is None


async def test_the_old_release_serves_again_if_the_new_one_fails(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1, manifest=TWO_TYPES)
    before = await machine.route_of("shop")
    machine.supervisor.script(Behaviour(exit_code=1, exit_after=0.3, listens_after=9), process="web", slot=2)

    release = await stop_first(daemon)

    assert release.status is ReleaseStatus.FAILED
    assert release.failure is not None
    assert release.failure.next.endswith("v1 is started again; until it serves, requests wait.")
    assert release.receipt is not None
    assert release.receipt.held is not None
    assert await machine.route_of("shop") == before
    assert machine.supervisor.running == {f"pvdify-shop-{name}-v1-{number}" for name, number in PLACES}
    assert machine.unserved == []
    await assert_consistent(machine)


async def test_a_lasting_outage_is_reported(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1)
    machine.supervisor.script(Behaviour(exit_code=1, exit_after=0.3, listens_after=9), slot=2)
    machine.supervisor.script(Behaviour(refuse="no room"), slot=1, starts=4)  # as often as an undo is tried

    release = await stop_first(daemon)
    await daemon.reconciler.reconcile()

    assert release.failure is not None
    assert "Could not be put back: make_room" in release.failure.next
    assert release.receipt is not None
    assert release.receipt.held is not None
    assert release.receipt.held > 10
    assert machine.supervisor.running == {"pvdify-shop-web-v1-1"}
    assert len(await machine.route_of("shop")) == 1


async def test_canceling_a_first_release_restores_nothing(machine: Machine, daemon: Daemon):
    machine.supervisor.script(Behaviour(listens_after=8.0), slot=1)
    asked = await daemon.requests.deploy("shop", deploy_request(image=V1, strategy=Strategy.STOP_FIRST), ACTOR)
    while "pvdify-shop-web-v1-1" not in machine.supervisor.running:
        await machine.clock.sleep(0.1)

    await daemon.requests.cancel("shop", asked.version, ACTOR)
    release = await daemon.finish("shop", asked.version)

    assert release.failure is not None
    assert "started again" not in release.failure.next


async def test_an_app_of_workers_refuses_no_request(daemon: Daemon):
    workers = {"processes": {"web": {"count": 0}, "worker": {"command": ["worker"]}}}
    await daemon.deploy(image=V1, manifest=workers)

    release = await stop_first(daemon)

    assert release.status is ReleaseStatus.ACTIVE
    assert release.receipt is not None
    assert release.receipt.downtime is None


async def test_requests_cut_at_the_end_of_the_drain_count_as_failed(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1, manifest={"drain": "2s"})
    machine.router.serve("shop", 1, Traffic(requests=10, in_flight=1))
    asked = await daemon.requests.deploy("shop", deploy_request(image=V2, strategy=Strategy.STOP_FIRST), ACTOR)
    while "pvdify-shop-web-v1-1" in machine.supervisor.running:
        await machine.clock.sleep(0.1)

    machine.router.serve("shop", 1, Traffic(in_flight=-1, router_errors=1))  # the router makes up a 502 for it
    await daemon.finish("shop", asked.version)
    await daemon.finish_retirements()

    (counted,) = [it for it in await machine.store.switch_counts("shop", 2, 2)]
    assert counted.router_errors == 1


async def test_a_canceled_stop_first_deploy_restores_the_old_release(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1)
    machine.supervisor.script(Behaviour(listens_after=8.0), slot=2)
    request = deploy_request(image=V2, strategy=Strategy.STOP_FIRST)
    asked = await daemon.requests.deploy("shop", request, ACTOR)
    while "pvdify-shop-web-v2-1" not in machine.supervisor.running:
        await machine.clock.sleep(0.1)

    await daemon.requests.cancel("shop", asked.version, ACTOR)
    release = await daemon.finish("shop", asked.version)

    assert release.status is ReleaseStatus.CANCELED
    assert release.failure is not None
    assert release.failure.next == "what was live is started again; deploy again when you are ready"
    assert machine.supervisor.running == {"pvdify-shop-web-v1-1"}
    assert len(await machine.route_of("shop")) == 1


async def test_the_reconciler_does_not_start_the_stopped_release(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1)
    machine.supervisor.script(Behaviour(listens_after=8.0), slot=2)
    asked = await daemon.requests.deploy("shop", deploy_request(image=V2, strategy=Strategy.STOP_FIRST), ACTOR)
    while "pvdify-shop-web-v2-1" not in machine.supervisor.running:
        await machine.clock.sleep(0.1)

    await daemon.reconciler.reconcile()

    assert machine.supervisor.running == {"pvdify-shop-web-v2-1"}
    assert await machine.route_of("shop") == ()
    assert (await daemon.finish("shop", asked.version)).status is ReleaseStatus.ACTIVE


async def test_standby_slots_are_removed_to_free_memory(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1)
    await daemon.deploy(image=V2)

    await stop_first(daemon, V1)
    await machine.clock.sleep(5)

    slots = {slot.number: slot.state for slot in await machine.store.slots("shop")}
    assert slots == {3: SlotState.LIVE}
    assert machine.supervisor.names == {"pvdify-shop-web-v3-1"}


async def test_without_memory_for_two_releases_the_refusal_names_stop_first_and_it_works(
    machine: Machine, daemon: Daemon
):
    await daemon.deploy(image=V1)
    needed = machine.settings.min_free_memory + 64 * 1024**2
    machine.host.available_memory = needed - USED // 2

    refused = await daemon.deploy(image=V2)
    done = await stop_first(daemon)

    assert refused.failure is not None
    assert refused.failure.code == "not-enough-memory"
    assert "`--strategy stop-first`: what is live stops first" in refused.failure.next
    assert done.status is ReleaseStatus.ACTIVE, done.failure


async def test_stop_first_needs_memory_for_one_release(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1)
    machine.host.available_memory = 1024

    release = await stop_first(daemon)

    assert release.failure is not None
    assert release.failure.code == "not-enough-memory"
    assert "it needs" in release.failure.what
    assert "stop-first" not in release.failure.next
    assert machine.supervisor.running == {"pvdify-shop-web-v1-1"}


async def test_a_rollback_can_stop_first_too(machine: Machine, daemon: Daemon):
    first = await daemon.deploy(image=V1)
    await daemon.deploy(image=V2)
    await machine.clock.sleep(700)
    await daemon.finish_retirements()

    release = await daemon.rollback(strategy=Strategy.STOP_FIRST)

    assert (release.status, release.digest) == (ReleaseStatus.ACTIVE, first.digest)
    assert release.receipt is not None
    assert release.receipt.held is not None
