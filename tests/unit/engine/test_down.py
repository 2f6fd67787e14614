"""Instances that are down: routes leave them out as long as another instance is up."""

import asyncio
from datetime import UTC, datetime

from pvdify.engine.world.down import DownTargets
from pvdify.model.endpoint import NO_ROUTE
from pvdify.model.names import instance_name
from pvdify.model.route import Route
from pvdify.model.slot import Placement
from tests.fakes.behaviour import Behaviour
from tests.fakes.machine import Daemon, Machine
from tests.fakes.places import at

IMAGES = ("reg.example.com/shop:v1", "reg.example.com/shop:v2")
NOW = datetime(2026, 1, 1, tzinfo=UTC)
ROUTE = Route(app="shop", hostnames=("shop.example.com",), slot=3, targets=(at(3001), at(3002)), numbers=(1, 4))


def place(number: int) -> Placement:
    name = instance_name("shop", "web", 3, number)
    known = {1: at(3001), 4: at(3002)}
    return Placement(name=name, process="web", number=number, endpoint=known.get(number, NO_ROUTE))


def test_a_route_leaves_out_down_instances_until_they_answer():
    down = DownTargets()

    down.add(place(4))
    assert down.leave_out(ROUTE).targets == (at(3001),)
    down.discard(place(4))

    assert down.leave_out(ROUTE) == ROUTE


def test_if_all_instances_are_down_the_route_keeps_all():
    down = DownTargets()

    for number in (1, 4):
        down.add(place(number))

    assert down.leave_out(ROUTE) == ROUTE


def test_the_same_number_of_another_slot_is_another_instance():
    down = DownTargets()

    down.add(Placement(name=instance_name("shop", "web", 2, 4), process="web", number=4, endpoint=at(3002)))

    assert down.leave_out(ROUTE) == ROUTE


def test_an_instance_without_a_place_is_forgotten():
    down = DownTargets()
    down.add(place(4))

    down.keep_only([place(1)])

    assert not down.has(place(4))


async def deployed() -> tuple[Machine, Daemon, "asyncio.Task[None]"]:
    machine = Machine()
    for image in IMAGES:
        machine.registry.push(image)
    daemon = machine.daemon()
    await daemon.deploy(image=IMAGES[0], manifest={"processes": {"web": {"count": 2}}})
    running = asyncio.create_task(daemon.reconciler.run())
    await machine.clock.sleep(6)
    return machine, daemon, running


async def test_an_instance_that_recovers_during_a_deploy_is_routed_before_the_deploy_ends():
    machine, daemon, running = await deployed()
    machine.supervisor.script(Behaviour(listens_after=40), slot=2)
    deploying = asyncio.create_task(daemon.deploy(image=IMAGES[1]))
    await machine.clock.sleep(1)

    machine.supervisor.crash("pvdify-shop-web-v1-1")
    await machine.clock.sleep(0.05)
    assert await machine.route_of("shop") == (3002,)
    await machine.clock.sleep(8)

    assert not deploying.done()
    assert await machine.route_of("shop") == (3001, 3002)
    await deploying
    running.cancel()
    await daemon.bury()


async def test_changing_the_route_does_not_restore_a_down_instance():
    machine, daemon, running = await deployed()
    machine.supervisor.script(Behaviour(refuse="no memory"), name="pvdify-shop-web-v1-1")
    machine.supervisor.crash("pvdify-shop-web-v1-1")
    await machine.clock.sleep(0.05)

    await daemon.scale(web=3)

    assert machine.router.puts[-1].targets == (at(3002), at(3003))
    running.cancel()
    await daemon.bury()
