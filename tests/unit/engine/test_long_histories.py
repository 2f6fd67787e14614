"""An app with more releases than anything reads at once."""

from dataclasses import replace

from pvdify.model.release import ReleaseStatus
from tests.fakes.machine import Machine

IMAGE = "reg.example.com/shop"
FAILED = 1_200


async def machine_with_failures() -> Machine:
    """A machine with v1 and v2, and many failed releases after them."""
    machine = Machine(keep_releases="10")
    for tag in ("v1", "v2"):
        machine.registry.push(f"{IMAGE}:{tag}")
        await machine.daemon().deploy("shop", image=f"{IMAGE}:{tag}")
    (newest,) = await machine.store.releases("shop", 1)
    failed = replace(newest, status=ReleaseStatus.FAILED, was_live=False, slot=None)
    await machine.store.save(*(replace(failed, version=3 + number) for number in range(FAILED)))
    return machine


async def test_rollback_finds_the_previous_live_release_after_many_failed_ones():
    machine = await machine_with_failures()
    daemon = machine.daemon()
    machine.registry.push(f"{IMAGE}:v3")
    await daemon.deploy("shop", image=f"{IMAGE}:v3")

    target = await daemon.engine.requests.rollback_target("shop", None)

    assert target.version == 2
    assert (await daemon.engine.requests.rollback_target("shop", 1)).version == 1


async def test_views_name_the_previous_release_and_what_can_be_rolled_back_to():
    machine = await machine_with_failures()

    views = await machine.daemon().engine.queries.releases("shop", FAILED + 2)

    assert {view.previous for view in views if view.release.version > 2} == {2}
    assert [view.previous for view in views[-2:]] == [1, None]
    assert [view.release.version for view in views if view.can_roll_back] == [1]
    assert [view.count.release for view in views if view.count] == [2, 1]


async def test_deploy_and_retirement_read_as_many_records_at_once_as_without_a_history():
    short = Machine()
    for tag in ("v1", "v2"):
        short.registry.push(f"{IMAGE}:{tag}")
        await short.daemon().deploy("shop", image=f"{IMAGE}:{tag}")

    assert await most_records_of_a_deploy(await machine_with_failures()) <= await most_records_of_a_deploy(short) + 1


async def most_records_of_a_deploy(machine: Machine) -> int:
    """Deploy once more; the length of the longest answer that the store gave meanwhile."""
    machine.registry.push(f"{IMAGE}:v3")
    daemon, lengths, answer = machine.daemon(), [], machine.store._all

    async def count(kind, name, **values):
        found = await answer(kind, name, **values)
        lengths.append(len(found))
        return found

    machine.store._all = count
    await daemon.deploy("shop", image=f"{IMAGE}:v3")
    await daemon.bury()
    return max(lengths)
