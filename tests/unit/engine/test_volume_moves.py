"""Apps with volumes move between one machine and a cluster, with copies of all that was acknowledged."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from pvdify.errors import AppBusy, RouterUnavailable, VolumeInUse, VolumeNotFound
from pvdify.model.action import Action
from pvdify.model.backup import RestoreSubject, TaskKind
from pvdify.model.operation import Strategy
from pvdify.model.slot import SlotState
from tests.fakes.behaviour import Behaviour
from tests.fakes.machine import ACTOR, Daemon, assert_consistent
from tests.unit.engine.test_cluster_moves import HERE, IN_CLUSTER, MachineBesideCluster
from tests.unit.engine.test_runtime_moves import (
    ADMIN,
    V1,
    V2,
    WITH_VOLUME,
    _finish_move,
    _move,
    _move_and_kill,
)

SHARED: dict[str, Any] = {
    "processes": {"web": {"count": 2}, "worker": {"command": ["work"]}},
    "volumes": {"data": {"path": "/data", "shared": True}, "cache": {"path": "/cache", "ephemeral": True}},
}
BROKEN = Behaviour(exit_code=1, exit_after=0.1, listens_after=9)


async def _deployed(manifest: dict[str, Any] = WITH_VOLUME) -> tuple[MachineBesideCluster, Daemon]:
    machine = MachineBesideCluster()
    daemon = machine.daemon()
    await daemon.deploy("shop", V1, manifest)
    machine.transfers.write("shop", "first")
    return machine, daemon


async def _content(machine: MachineBesideCluster, app: str = "shop") -> list[str]:
    """What the app's volume contains; checks that the live instances mount this volume and no other."""
    (volume,) = [it for it in await machine.store.volumes(app) if not it.is_trashed]
    (slot,) = [slot for slot in await machine.store.slots(app) if slot.state is SlotState.LIVE]
    mounted = {mount.volume for place in slot.placements for mount in machine.supervisor.spec(place.name).mounts}
    assert mounted - {None} <= {volume.id}
    return list(machine.transfers.content.get(volume.id, []))


async def _trash(machine: MachineBesideCluster) -> list[list[str]]:
    """What the volumes in the trash contain."""
    trashed = [it for it in await machine.store.volumes("shop") if it.is_trashed]
    return [list(machine.transfers.content.get(it.id, [])) for it in trashed]


async def _check(machine: MachineBesideCluster) -> None:
    """No instance got a wrong volume, no visitor was sent nowhere, and every stored volume has a record."""
    assert machine.transfers.wrong == []
    assert machine.unserved == []
    assert set(machine.supervisor.stored_volumes) <= {it.id for it in await machine.store.volumes()}
    await assert_consistent(machine)


async def _until_stopped(daemon: Daemon) -> None:
    """Wait until the live release has made room for the move."""
    while not any(slot.state is SlotState.STOPPED for slot in await daemon.store.slots("shop")):
        await daemon.clock.sleep(0.05)


@asynccontextmanager
async def _moving(daemon: Daemon, runtime: str = "kubernetes") -> AsyncIterator[None]:
    """Move in the background; at the end, wait until the move has ended."""
    await daemon.runtime_moves.choose(runtime, ADMIN)
    moving = asyncio.create_task(daemon.runtime_moves.run())
    try:
        yield
        await _finish_move(daemon)
    finally:
        moving.cancel()
        await asyncio.gather(moving, return_exceptions=True)


async def test_a_move_ends_the_standby_of_an_app_whose_volumes_it_copies():
    machine = MachineBesideCluster(standby="10m")
    daemon = machine.daemon()
    await daemon.deploy("shop", V1, SHARED)
    await daemon.deploy("shop", V2, SHARED)
    begun = daemon.clock.monotonic()

    await _move(daemon, "kubernetes")

    assert daemon.clock.monotonic() - begun < 60
    assert (await machine.live())[0] == "kubernetes"
    await daemon.bury()


@pytest.mark.parametrize("manifest", [WITH_VOLUME, SHARED])
async def test_an_app_with_a_volume_moves_there_and_back_with_everything_that_it_wrote(manifest: dict[str, Any]):
    machine, daemon = await _deployed(manifest)
    before = await _content(machine)

    await _move(daemon, "kubernetes")
    there = await machine.live(), await _content(machine)
    machine.transfers.write("shop", "second")
    written = await _content(machine)
    await _move(daemon, "podman")

    assert there == (IN_CLUSTER, before)
    assert (await machine.live(), await _content(machine)) == (HERE, written)
    assert len(written) > len(before)
    assert sorted(await _trash(machine)) == sorted([before, written])
    texts = [event.text for event in await machine.store.events() if event.action is Action.VOLUME_MOVED]
    assert {text.split(";")[0] for text in texts} == {"data: copied to kubernetes", "data: copied to podman"}
    await _check(machine)
    await daemon.bury()


async def test_requests_wait_while_volumes_are_copied_and_the_live_release_is_down():
    machine, daemon = await _deployed()
    machine.router.puts.clear()

    await _move(daemon, "kubernetes")

    assert machine.router.puts[0].held_until is not None
    assert machine.router.puts[-1].held_until is None
    live = await machine.store.active_release("shop")
    assert live is not None
    assert live.receipt is not None
    assert live.receipt.held is not None
    assert 1.0 < live.receipt.held < 10.0
    assert live.receipt.downtime is None
    await daemon.bury()


async def test_an_app_moves_back_to_its_own_volume_if_a_copy_fails():
    machine, daemon = await _deployed()
    machine.transfers.problem = "the stream from the cluster ended too early"

    await _move(daemon, "kubernetes")

    (app,) = (await daemon.runtime_plan.show("kubernetes")).apps
    assert (app.state, machine.transfers.problem in app.problem) == ("failed", True)
    assert (await machine.live(), await _content(machine), await _trash(machine)) == (HERE, ["first"], [])
    await _check(machine)
    await daemon.bury()


async def test_an_app_that_fails_on_the_other_side_runs_again_with_its_own_volume():
    machine, daemon = await _deployed()
    machine.supervisor.script(BROKEN, app="shop", slot=2)

    await _move(daemon, "kubernetes")
    failed = await machine.live(), await _content(machine), await _trash(machine)
    await daemon.clock.sleep(1.0)
    await _move(daemon, "kubernetes")

    assert failed == (HERE, ["first"], [])
    assert (await machine.live(), await _content(machine)) == (IN_CLUSTER, ["first"])
    await _check(machine)
    await daemon.bury()


async def test_a_copy_that_takes_most_of_the_hold_is_ended_in_time_for_the_live_release_to_answer():
    machine, daemon = await _deployed()
    machine.transfers.seconds = 3600.0

    await _move(daemon, "kubernetes")

    failed = await machine.store.release("shop", 2)
    assert failed is not None
    assert failed.failure is not None
    assert "requests wait, at most 30 s (`hold`)" in failed.failure.why
    assert failed.receipt is not None
    assert failed.receipt.downtime is None
    assert (await machine.live(), await _content(machine)) == (HERE, ["first"])
    await _check(machine)
    await daemon.bury()


@pytest.mark.parametrize("how", ["stopped", "without hold"])
async def test_a_large_volume_moves_while_its_app_is_stopped_or_turns_visitors_away(how: str):
    machine, daemon = await _deployed({**WITH_VOLUME, "hold": 0} if how == "without hold" else WITH_VOLUME)
    machine.transfers.seconds = 3600.0
    if how == "stopped":
        await daemon.finish_operation(await daemon.processes.set_stopped("shop", ADMIN, is_stopped=True))

    await _move(daemon, "kubernetes")
    if how == "stopped":
        await daemon.finish_operation(await daemon.processes.set_stopped("shop", ADMIN, is_stopped=False))

    assert (await machine.live(), await _content(machine)) == (IN_CLUSTER, ["first"])
    await _check(machine)
    await daemon.bury()


async def test_a_full_disk_of_this_machine_ends_a_copy_to_it():
    machine, daemon = await _deployed()
    await _move(daemon, "kubernetes")
    machine.transfers.in_the_middle = lambda: setattr(machine.host, "free_disk", 1024)
    machine.transfers.seconds = 10.0

    await _move(daemon, "podman")

    assert await machine.live() == IN_CLUSTER
    (app,) = (await daemon.runtime_plan.show("podman")).apps
    assert "must stay free" in app.problem
    await daemon.bury()


async def test_a_copy_that_fails_while_the_disk_is_checked_is_a_failure():
    machine, daemon = await _deployed()
    await _move(daemon, "kubernetes")
    capacity = machine.host.capacity

    async def slow() -> Any:
        await daemon.clock.sleep(0.2)
        return await capacity()

    machine.host.capacity = slow  # type: ignore[method-assign] # so that the copy ends during the check
    machine.transfers.problem, machine.transfers.seconds = "no space left on device", 1.2

    await _move(daemon, "podman")

    assert (await machine.live(), await _content(machine)) == (IN_CLUSTER, ["first"])
    await _check(machine)
    await daemon.bury()


async def test_canceling_a_move_during_a_copy_brings_the_live_release_back():
    machine, daemon = await _deployed()
    machine.transfers.seconds = 10.0

    async with _moving(daemon):
        await _until_stopped(daemon)
        await daemon.clock.sleep(2.0)
        await daemon.runtime_moves.cancel(ADMIN)
        await daemon.finish("shop", 2)

    assert (await machine.live(), await _content(machine), await _trash(machine)) == (HERE, ["first"], [])
    await _check(machine)
    await daemon.bury()


async def test_copies_that_visitors_may_have_written_to_are_kept_in_the_trash_if_the_switch_fails():
    machine, daemon = await _deployed()
    puts = machine.router.put
    calls = 0

    async def put(*arguments: Any) -> None:
        nonlocal calls
        await puts(*arguments)
        calls += 1
        if calls == 2:  # after the hold
            machine.transfers.write("shop", "written on the other side")
            raise RouterUnavailable("the router does not answer", why="it was killed")

    machine.router.put = put  # type: ignore[method-assign] # a failure of the one call that is meant

    await _move(daemon, "kubernetes")

    assert (await machine.live(), await _content(machine)) == (HERE, ["first"])
    assert await _trash(machine) == [["first", "written on the other side"]]
    await _check(machine)
    await daemon.bury()


async def test_an_ordinary_deploy_and_a_rollback_stay_on_the_side_of_the_volume():
    machine, daemon = await _deployed()
    await daemon.runtime_moves.choose("kubernetes", ADMIN)  # nothing moves yet

    await daemon.deploy("shop", V2, WITH_VOLUME)
    here = await machine.live()
    await _finish_move(daemon)
    await daemon.rollback("shop")

    live = await machine.store.active_release("shop")
    assert live is not None
    assert (here, live.image, await machine.live(), await _content(machine)) == (HERE, V1, IN_CLUSTER, ["first"])
    await _check(machine)
    await daemon.bury()


async def test_a_volume_that_the_live_release_does_not_use_moves_too_for_a_rollback():
    machine, daemon = await _deployed()
    await daemon.deploy("shop", V2, {})
    await daemon.finish_retirements()

    await _move(daemon, "kubernetes")
    await daemon.rollback("shop")

    assert (await machine.live(), await _content(machine)) == (IN_CLUSTER, ["first"])
    await _check(machine)
    await daemon.bury()


async def test_no_request_changes_volumes_while_they_are_copied():
    machine, daemon = await _deployed()
    machine.transfers.seconds = 4.0

    async with _moving(daemon):
        await _until_stopped(daemon)
        with pytest.raises(VolumeInUse, match="cannot be changed now"):
            await daemon.volumes.destroy("shop", "data", ACTOR, purges=True)
        with pytest.raises(VolumeInUse, match="cannot be changed now"):
            await daemon.volumes.restore("shop", "data", ACTOR)
        with pytest.raises(AppBusy, match="no command can start"):
            await daemon.one_offs.start("shop", ("sh",), None, ACTOR)

    assert (await machine.live(), await _content(machine)) == (IN_CLUSTER, ["first"])
    await _check(machine)
    await daemon.bury()


async def test_an_app_moves_once_no_command_uses_its_volumes():
    machine, daemon = await _deployed()
    (name,) = machine.supervisor.running
    command = "pvdify-shop-run-v1-4711"
    daemon.world.one_offs.add(command)

    await _move(daemon, "kubernetes")
    failed = (await daemon.runtime_plan.show("kubernetes")).apps[0].problem
    kept = name in machine.supervisor.running
    async with _moving(daemon):
        await daemon.clock.sleep(20.0)
        daemon.world.one_offs.discard(command)

    assert (f"a command uses them: {command}" in failed, kept) == (True, True)
    assert await machine.live() == IN_CLUSTER
    await _check(machine)
    await daemon.bury()


async def test_a_volume_in_the_trash_of_the_other_side_is_not_restored():
    _, daemon = await _deployed()
    await _move(daemon, "kubernetes")
    await daemon.deploy("shop", V2, {})
    await daemon.finish_retirements()
    await daemon.volumes.destroy("shop", "data", ACTOR, purges=True)

    with pytest.raises(VolumeNotFound) as refused:
        await daemon.volumes.restore("shop", "data", ACTOR)

    assert refused.value.why == "it is on this machine, and shop in the cluster"
    assert refused.value.next == "`pvdify server runtime podman` moves the apps there"
    await daemon.bury()


async def test_a_restore_that_began_before_a_move_puts_no_volume_of_the_other_side_in_place():
    machine, daemon = await _deployed()
    await daemon.backups.set_target("/mnt/nas", {}, ACTOR)
    await daemon.backups.run(ACTOR)
    await daemon.keeper.run_due()
    await daemon.finish_operation(await daemon.processes.set_stopped("shop", ADMIN, is_stopped=True))
    copy_in = machine.backups.copy_in

    async def move_meanwhile(*arguments: Any, **named: Any) -> None:
        await copy_in(*arguments, **named)
        await _move(daemon, "kubernetes")

    machine.backups.copy_in = move_meanwhile  # type: ignore[method-assign] # the moment that a person chooses
    await daemon.backups.restore("", RestoreSubject(app="shop", to="shop", replaces=True), ACTOR)
    await daemon.keeper.run_due()
    await daemon.finish_operation(await daemon.processes.set_stopped("shop", ADMIN, is_stopped=False))

    (task,) = [it for it in await machine.store.backup_tasks() if it.kind is TaskKind.RESTORE]
    assert "shop moved to another runtime meanwhile" in task.cause
    assert (await machine.live(), await _content(machine)) == (IN_CLUSTER, ["first"])
    await _check(machine)
    await daemon.bury()


async def test_the_plan_names_the_volumes_and_how_long_requests_wait():
    machine, daemon = await _deployed()

    (app,) = (await daemon.runtime_plan.show("kubernetes")).apps

    assert (app.state, app.problem, app.held, app.hold) == ("to move", "", ("data",), 30.0)
    assert [(volume.name, volume.size) for volume in app.copied] == [("data", 4096)]
    (here,) = (await daemon.runtime_plan.show("systemd")).apps
    assert (here.held, here.copied) == (("data",), ())
    assert machine.transfers.content.keys() == {volume.id for volume in await machine.store.volumes("shop")}
    await daemon.bury()


async def _moved_with_a_kill(kill_at: int, problem: Behaviour | None) -> tuple[int, MachineBesideCluster]:
    """Move there and kill pvdifyd at this moment, also in the middle of a copy; let its successor finish."""
    machine, peaceful = await _deployed()
    if problem is not None:
        machine.supervisor.script(problem, app="shop", slot=2)
    await peaceful.finish_retirements()
    await peaceful.bury()
    made = machine.daemon

    def daemon(kill_at: int | None = None) -> Daemon:
        fresh = made(kill_at)
        machine.transfers.in_the_middle = fresh.moment
        return fresh

    machine.daemon = daemon  # type: ignore[method-assign] # so that the middle of a copy is a moment, too
    return await _move_and_kill(machine, "kubernetes", kill_at), machine


@pytest.mark.slow
@pytest.mark.parametrize("problem", [None, BROKEN])
async def test_a_move_ends_with_the_whole_volume_wherever_pvdifyd_is_killed(problem: Behaviour | None):
    moments, _ = await _moved_with_a_kill(10**9, problem)
    assert moments > 35

    for kill_at in range(1, moments + 1):
        _, machine = await _moved_with_a_kill(kill_at, problem)

        choice = await machine.store.runtime_choice()
        moved = choice is not None and problem is None
        assert await machine.live() == (IN_CLUSTER if moved else HERE), kill_at
        assert await _content(machine) == ["first"], kill_at
        assert await _trash(machine) == ([["first"]] if moved else []), kill_at
        operations = [await machine.store.operation(f"shop-v{number}") for number in (2,)]
        assert {it.strategy for it in operations if it is not None} <= {Strategy.MOVE}
        await _check(machine)
