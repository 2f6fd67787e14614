"""A release with too many errors after its switch is rolled back automatically; a healthy release is kept."""

import asyncio
import random
from typing import Any

import pytest

from pvdify.model.release import Release, ReleaseStatus
from pvdify.model.route import Traffic
from tests.fakes.machine import ACTOR, Daemon, Machine, assert_consistent
from tests.support.wanted import deploy_request

V1, V2, V3 = (f"reg.example.com/shop:v{number}" for number in (1, 2, 3))
GUARDED: dict[str, Any] = {"guard": {"window": "60s", "max_error_rate": "5%"}}


@pytest.fixture
async def machine():
    machine = Machine()
    for image in (V1, V2, V3):
        machine.registry.push(image)
    return machine


@pytest.fixture
async def daemon(machine: Machine):
    daemon = machine.daemon()
    yield daemon
    await daemon.bury()


async def visit(machine: Machine, rates: dict[int, float], seed: int = 1, per_second: int = 10) -> None:
    """Send requests to the live slot each second, for ever; a share of them gets a 500."""
    chance = random.Random(seed)
    while True:
        route = (await machine.router.routes()).get("shop")
        if route is not None and route.slot is not None:
            errors = sum(chance.random() < rates.get(route.slot, 0.0) for _ in range(per_second))
            machine.router.serve("shop", route.slot, Traffic(requests=per_second, app_errors=errors))
        await machine.clock.sleep(1.0)


async def deploy_under_visitors(
    machine: Machine, daemon: Daemon, rates: dict[int, float], seed: int = 1, per_second: int = 10
) -> Release:
    await daemon.deploy(image=V1, manifest=GUARDED)
    visitors = asyncio.create_task(visit(machine, rates, seed, per_second))
    await machine.clock.sleep(30)
    released = await daemon.deploy(image=V2)
    while any(it.kind.value != "retire" for it in await machine.store.unsettled_operations()):
        await machine.clock.sleep(0.1)
    visitors.cancel()
    return released


async def test_a_bad_release_is_rolled_back_and_reported_everywhere(machine: Machine, daemon: Daemon):
    released = await deploy_under_visitors(machine, daemon, {2: 0.2})

    second, third = await machine.store.release("shop", 2), await machine.store.release("shop", 3)
    assert second is not None
    assert third is not None
    assert released.failure is not None
    assert released.failure.code == "guard-tripped"
    assert "shop v2 was taken back: it answered " in released.failure.what
    assert "allowed: 5 %" in released.failure.what
    assert (second.status, third.status) == (ReleaseStatus.FAILED, ReleaseStatus.ACTIVE)
    assert (third.repeats, third.created_by, third.slot) == (1, "pvdify", 1)
    assert third.description.startswith("rollback to v1, because v2 answered ")
    assert await machine.route_of("shop") == (3001,)
    assert "guard.tripped" in {event.action for event in await machine.store.events("shop")}
    log = [entry.text for entry in await machine.deploy_log.read("shop", 2) if entry.step == "guard"]
    assert any("was taken back" in text for text in log)
    await assert_consistent(machine)
    assert machine.unserved == []


async def test_the_guard_rolls_back_to_the_standby_without_starting_instances(machine: Machine, daemon: Daemon):
    await deploy_under_visitors(machine, daemon, {2: 0.2})

    assert len(machine.supervisor.started) == 2


async def test_a_healthy_release_is_watched_to_the_end_and_stays(machine: Machine, daemon: Daemon):
    released = await deploy_under_visitors(machine, daemon, {1: 0.01, 2: 0.01})

    log = [entry.text for entry in await machine.deploy_log.read("shop", 2) if entry.step == "guard"]
    assert (released.status, released.failure) == (ReleaseStatus.ACTIVE, None)
    assert "with 5xx, before: " in log[-1]
    assert machine.clock.monotonic() > 90


@pytest.mark.slow
@pytest.mark.parametrize(("rate", "is_caught"), [(0.2, True), (0.002, False)])
async def test_the_guard_catches_a_hundred_of_a_hundred_bad_releases(rate: float, is_caught: bool):
    caught = 0
    for seed in range(100):
        machine = Machine()
        machine.registry.push(V1)
        machine.registry.push(V2)
        daemon = machine.daemon()
        released = await deploy_under_visitors(machine, daemon, {1: 0.002, 2: rate}, seed)
        caught += released.failure is not None
        await daemon.bury()

    assert caught == (100 if is_caught else 0)


async def test_existing_errors_do_not_trigger_the_guard(machine: Machine, daemon: Daemon):
    released = await deploy_under_visitors(machine, daemon, {1: 0.2, 2: 0.2})

    assert released.failure is None


async def test_few_requests_do_not_trigger_the_guard(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1, manifest=GUARDED)
    await daemon.requests.deploy("shop", deploy_request(image=V2), ACTOR)
    await machine.clock.sleep(10)
    machine.router.serve("shop", 2, Traffic(requests=15, app_errors=15))

    released = await daemon.finish("shop", 2)

    assert released.failure is None


async def test_no_release_is_watched_without_a_guard_or_a_previous_release(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1)
    await daemon.deploy("blog", V1, GUARDED)

    assert machine.clock.monotonic() < 10


async def test_a_rollback_by_hand_does_not_wait_for_the_window(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1, manifest=GUARDED)
    await daemon.requests.deploy("shop", deploy_request(image=V2), ACTOR)
    await machine.clock.sleep(10)
    assert await machine.route_of("shop") == (3002,)

    await daemon.rollback()

    assert machine.clock.monotonic() < 25
    assert await machine.route_of("shop") == (3001,)


async def test_a_later_rollback_skips_the_release_that_the_guard_rolled_back(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V3)
    await deploy_under_visitors(machine, daemon, {3: 0.5})

    target = await daemon.requests.rollback_target("shop", None)

    assert target.version == 2


async def test_an_unreachable_router_does_not_trigger_the_guard(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1, manifest=GUARDED)
    await daemon.requests.deploy("shop", deploy_request(image=V2), ACTOR)
    await machine.clock.sleep(10)

    machine.router.kill()
    await machine.clock.sleep(5)
    await machine.router.ensure_running()
    released = await daemon.finish("shop", 2)

    assert released.failure is None
