"""Containers without a record: a few are removed, many are kept for the operator to decide."""

import pytest

from pvdify.model.instance import InstanceSpec, Limits
from pvdify.model.names import instance_name
from tests.fakes.machine import Daemon, Machine

IMAGE = "reg.example.com/shop:v1"


def spec(app: str, slot: int, number: int = 1) -> InstanceSpec:
    name = instance_name(app, "web", slot, number)
    return InstanceSpec(
        name=name, app=app, process="web", slot=slot, number=number, image_id="f00d", limits=Limits(memory=1)
    )  # fmt: skip


async def deployed(**settings: str) -> tuple[Machine, Daemon]:
    machine = Machine(**settings)
    machine.registry.push(IMAGE)
    daemon = machine.daemon()
    await daemon.deploy(image=IMAGE)
    return machine, daemon


async def orphan_events(machine: Machine) -> list[str]:
    return [event.text for event in await machine.store.events() if event.action == "server.orphans"]


@pytest.mark.parametrize(("count", "is_removed"), [(5, True), (6, False)])
async def test_few_orphans_are_removed_and_many_are_kept(count: int, is_removed: bool):
    machine, daemon = await deployed()
    kept = machine.supervisor.names
    for number in range(1, count + 1):
        await machine.supervisor.start(spec("gone", number))

    for _ in range(3):
        await daemon.reconciler.reconcile()

    assert (machine.supervisor.names == kept) == is_removed
    assert len(machine.supervisor.running - kept) == (0 if is_removed else count)
    assert len(await orphan_events(machine)) == (0 if is_removed else 1)
    await daemon.bury()


async def test_the_command_named_in_the_orphans_event_works():
    machine, daemon = await deployed()
    for number in range(1, 8):
        await machine.supervisor.start(spec("gone", number))
    await daemon.reconciler.reconcile()
    (text,) = await orphan_events(machine)
    await daemon.bury()
    assert text.startswith("7 containers are of releases that the database does not know, and none of them was removed")
    assert "pvdify-gone-web-v5-1 and 2 more" in text
    assert "most_orphans = 7" in text

    allowed = Machine(most_orphans="7")
    allowed.store, allowed.supervisor = machine.store, machine.supervisor
    successor = allowed.daemon()
    await successor.reconciler.reconcile()

    assert not any("gone" in name for name in machine.supervisor.names)
    await successor.bury()


async def test_surplus_instances_of_a_known_release_are_no_sign_of_a_lost_database():
    machine, daemon = await deployed()
    kept = machine.supervisor.names
    for number in range(2, 12):
        await machine.supervisor.start(spec("shop", 1, number))

    await daemon.reconciler.reconcile()

    assert machine.supervisor.names == kept
    assert await orphan_events(machine) == []
    await daemon.bury()
