"""A paused app: its requests wait, and the status says so."""

from datetime import timedelta

import pytest

from pvdify.errors import InvalidError
from tests.fakes.machine import ACTOR, Daemon, Machine

IMAGE = "reg.example.com/shop:v1"


@pytest.fixture
def machine() -> Machine:
    machine = Machine()
    machine.registry.push(IMAGE)
    return machine


@pytest.fixture
def daemon(machine: Machine) -> Daemon:
    return machine.daemon()


async def test_requests_wait_until_the_app_is_resumed(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=IMAGE)
    before = (await machine.router.routes())["shop"]

    await daemon.requests.pause("shop", 30, ACTOR)
    paused = (await machine.router.routes())["shop"]
    status = (await daemon.queries.app("shop")).status
    await daemon.requests.resume("shop", ACTOR)

    assert paused.targets == before.targets
    assert paused.held_until == round(machine.clock.now().timestamp() * 1000) + 30_000
    until = machine.clock.now() + timedelta(seconds=30)
    assert str(status) == f"held (until {until:%H:%M:%S} UTC)"
    assert (await machine.router.routes())["shop"] == before


async def test_an_expired_pause_is_not_reported(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=IMAGE)
    await daemon.requests.pause("shop", 5, ACTOR)

    await machine.clock.advance(6)

    assert (await daemon.queries.app("shop")).status.word.value == "live"


@pytest.mark.parametrize("seconds", [0, -1, 301, float("nan")])
async def test_a_pause_has_bounds(daemon: Daemon, seconds: float):
    await daemon.deploy(image=IMAGE)

    with pytest.raises(InvalidError):
        await daemon.requests.pause("shop", seconds, ACTOR)
