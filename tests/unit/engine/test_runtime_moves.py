"""Apps move to another runtime while they serve requests, also if pvdifyd is killed meanwhile."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from pvdify.errors import InvalidError, NothingToCancel
from pvdify.model.action import Action
from pvdify.model.config import ConfigVar
from pvdify.model.instance import Secret
from pvdify.model.release import ReleaseStatus
from pvdify.model.runtime_choice import MoveState
from pvdify.model.slot import SlotState
from pvdify.model.token import Actor, Role
from tests.fakes.behaviour import Behaviour
from tests.fakes.machine import Daemon, Machine, assert_consistent
from tests.support.wanted import deploy_request

ADMIN = Actor(name="root", role=Role.ADMIN)
V1, V2 = "reg.example.com/shop:v1", "reg.example.com/shop:v2"
HOOK = ("migrate",)
WITH_WORKER: dict[str, Any] = {"processes": {"web": {"count": 2}, "worker": {"command": ["worker"]}}}
WITH_VOLUME: dict[str, Any] = {"volumes": {"data": {"path": "/data"}}}


def _machine(**settings: str) -> Machine:
    machine = Machine(runtime="podman", **settings)
    machine.registry.push(V1)
    machine.registry.push(V2, content="v2")
    machine.supervisor.script(Behaviour(exit_code=0, exit_after=0.2), command=HOOK)
    return machine


async def _move(daemon: Daemon, name: str = "systemd") -> None:
    """Choose the runtime, and wait until no app is left to move."""
    await daemon.runtime_moves.choose(name, ADMIN)
    await _finish_move(daemon)


async def _finish_move(daemon: Daemon) -> None:
    moving = asyncio.create_task(daemon.runtime_moves.run())
    try:
        while not moving.done():
            choice = await daemon.machine.store.runtime_choice()
            if choice is None or choice.state is not MoveState.MOVING:
                return
            await daemon.clock.sleep(0.5)
        moving.result()
    finally:
        moving.cancel()
        await asyncio.gather(moving, return_exceptions=True)


async def _runtimes(machine: Machine) -> dict[str, str]:
    """Return the runtime of each app's live slot."""
    return {slot.app: slot.runtime for slot in await machine.store.slots() if slot.state is SlotState.LIVE}


def _started_on(machine: Machine, app: str = "shop") -> list[tuple[str, str]]:
    return [(spec.name, spec.runtime) for spec in machine.supervisor.started if spec.app == app]


async def test_every_app_moves_by_a_release_that_repeats_its_live_release():
    machine = _machine()
    daemon = machine.daemon()
    await daemon.deploy("shop", V1, WITH_WORKER)
    await daemon.deploy("blog", V2)

    await _move(daemon)

    assert await _runtimes(machine) == {"shop": "systemd", "blog": "systemd"}
    release = await machine.store.active_release("shop")
    assert release is not None
    assert (release.version, release.repeats, release.description) == (2, 1, "move to systemd, as v1")
    assert {runtime for name, runtime in _started_on(machine) if "v2" in name} == {"systemd"}
    assert all("-v1-" not in name for name in machine.supervisor.names)  # what ran on podman is gone
    choice = await machine.store.runtime_choice()
    assert choice is not None
    assert (choice.name, choice.before, choice.state) == ("systemd", "podman", MoveState.SETTLED)
    assert machine.unserved == []
    await assert_consistent(machine)
    await assert_consistent(machine, "blog")
    await daemon.bury()


async def test_hooks_do_not_run_again_in_a_move_and_a_new_config_is_not_applied():
    machine = _machine()
    daemon = machine.daemon()
    await daemon.deploy("shop", V1, {"hooks": {"pre_deploy": [list(HOOK)]}})
    await daemon.requests.change_config("shop", {"COLOUR": ConfigVar(value=Secret("blue"))}, ADMIN)

    await _move(daemon)

    release = await machine.store.active_release("shop")
    assert release is not None
    assert machine.supervisor.executions(HOOK) == 1
    assert release.config_version == 0
    await daemon.bury()


async def test_new_apps_restarts_and_hooks_run_on_the_chosen_runtime_also_after_a_restart_of_pvdifyd():
    machine = _machine()
    first = machine.daemon()
    await _move(first)
    await first.bury()

    second = machine.daemon()
    await second.recover()
    await second.deploy("shop", V1, {"hooks": {"pre_deploy": [list(HOOK)]}})
    await second.restart("shop")

    assert {runtime for _, runtime in _started_on(machine)} == {"systemd"}
    assert len(_started_on(machine)) == 3  # the hook, web.1, and its successor
    await second.bury()


async def test_a_restart_and_a_crash_keep_the_runtime_of_the_slot_until_the_next_deploy():
    machine = _machine()
    daemon = machine.daemon()
    await daemon.deploy("shop", V1)
    await daemon.runtime_moves.choose("systemd", ADMIN)  # nothing moves yet

    await daemon.restart("shop")
    (name,) = machine.supervisor.running
    machine.supervisor.lose(name)
    await daemon.reconciler.reconcile()
    kept = {runtime for _, runtime in _started_on(machine)}
    await daemon.deploy("shop", V2)

    assert kept == {"podman"}
    assert await _runtimes(machine) == {"shop": "systemd"}
    await daemon.bury()


async def test_an_exclusive_volume_is_handed_over_while_requests_are_held():
    machine = _machine()
    daemon = machine.daemon()
    await daemon.deploy("shop", V1, WITH_VOLUME)

    await _move(daemon)

    assert await _runtimes(machine) == {"shop": "systemd"}
    assert all(len(slots) == 1 for sets in machine.supervisor.shared_by.values() for slots in sets)
    assert machine.unserved == []
    await daemon.bury()


async def test_a_stopped_app_is_not_started_and_starts_on_the_new_runtime():
    machine = _machine()
    daemon = machine.daemon()
    await daemon.deploy("shop", V1)
    await daemon.finish_operation(await daemon.processes.set_stopped("shop", ADMIN, is_stopped=True))

    await _move(daemon)
    moved = await _runtimes(machine), machine.supervisor.running
    await daemon.finish_operation(await daemon.processes.set_stopped("shop", ADMIN, is_stopped=False))

    assert moved == ({"shop": "systemd"}, frozenset())
    assert len(await machine.store.releases("shop", 99)) == 1
    assert _started_on(machine)[-1][1] == "systemd"
    await daemon.bury()


async def test_an_app_in_maintenance_moves_and_stays_in_maintenance():
    machine = _machine()
    daemon = machine.daemon()
    await daemon.deploy("shop", V1)
    await daemon.requests.set_maintenance("shop", ADMIN, is_on=True)

    await _move(daemon)

    assert await _runtimes(machine) == {"shop": "systemd"}
    assert await machine.route_of("shop") == ()
    await daemon.bury()


async def test_an_app_that_fails_on_the_new_runtime_keeps_serving_and_others_move():
    machine = _machine()
    daemon = machine.daemon()
    await daemon.deploy("blog", V1)
    await daemon.deploy("shop", V2)
    broken = Behaviour(exit_code=1, exit_after=0.1, listens_after=9)
    machine.supervisor.script(broken, app="blog", slot=2)

    await _move(daemon)
    view = await daemon.runtime_plan.show()

    assert await _runtimes(machine) == {"blog": "podman", "shop": "systemd"}
    assert [(it.app, it.state) for it in view.apps] == [("blog", "failed"), ("shop", "there")]
    assert view.apps[0].problem.startswith("blog v2: web.1 exited with code 1")
    events = await machine.store.events()
    assert any(it.action is Action.SERVER_RUNTIME_MOVED and it.text.endswith("not moved: blog") for it in events)
    assert machine.unserved == []
    await daemon.bury()


async def test_choosing_the_runtime_again_tries_failed_apps_again():
    machine = _machine()
    daemon = machine.daemon()
    await daemon.deploy("shop", V1)
    machine.supervisor.script(Behaviour(exit_code=1, exit_after=0.1, listens_after=9), starts=5, app="shop", slot=2)
    await _move(daemon)
    failed = await _runtimes(machine)

    await daemon.clock.sleep(1.0)
    await _move(daemon)

    assert failed == {"shop": "podman"}
    assert await _runtimes(machine) == {"shop": "systemd"}
    await daemon.bury()


async def test_a_canceled_move_leaves_moved_apps_and_their_next_deploy_brings_them_back():
    machine = _machine()
    daemon = machine.daemon()
    await daemon.deploy("blog", V1)
    await daemon.deploy("shop", V1)
    await daemon.runtime_moves.choose("systemd", ADMIN)
    moving = asyncio.create_task(daemon.runtime_moves.run())
    while (await _runtimes(machine))["blog"] != "systemd":
        await daemon.clock.sleep(0.05)

    await daemon.runtime_moves.cancel(ADMIN)
    await daemon.clock.sleep(60.0)
    moving.cancel()
    after_cancel = await _runtimes(machine)
    await daemon.deploy("blog", V2)

    assert after_cancel == {"blog": "systemd", "shop": "podman"}
    assert await _runtimes(machine) == {"blog": "podman", "shop": "podman"}
    with pytest.raises(NothingToCancel):
        await daemon.runtime_moves.cancel(ADMIN)
    await daemon.bury()


async def test_canceling_stops_the_app_that_is_being_moved_before_its_switch():
    machine = _machine()
    daemon = machine.daemon()
    await daemon.deploy("shop", V1)
    machine.supervisor.script(Behaviour(listens_after=3.0), app="shop", slot=2)
    await daemon.runtime_moves.choose("systemd", ADMIN)
    moving = asyncio.create_task(daemon.runtime_moves.run())
    while not any(slot.state is SlotState.CANDIDATE for slot in await machine.store.slots("shop")):
        await daemon.clock.sleep(0.05)

    await daemon.runtime_moves.cancel(ADMIN)
    release = await daemon.finish("shop", 2)
    moving.cancel()

    assert release.status is ReleaseStatus.CANCELED
    assert await _runtimes(machine) == {"shop": "podman"}
    assert machine.unserved == []
    await daemon.bury()


async def test_a_rollback_after_a_move_goes_to_the_release_before_the_move():
    machine = _machine()
    daemon = machine.daemon()
    await daemon.deploy("shop", V1)
    await daemon.deploy("shop", V2)
    await _move(daemon)
    await _move(daemon, "podman")
    await _move(daemon)

    release = await daemon.rollback("shop")

    assert release.repeats == 1
    assert await _runtimes(machine) == {"shop": "systemd"}
    await daemon.bury()


async def test_a_rollback_takes_over_no_standby_slot_of_the_other_runtime():
    machine = _machine(standby="10m")
    daemon = machine.daemon()
    await daemon.deploy("shop", V1)
    await daemon.deploy("shop", V2)
    await daemon.runtime_moves.choose("systemd", ADMIN)

    release = await daemon.rollback("shop")

    assert release.slot == release.version
    assert await _runtimes(machine) == {"shop": "systemd"}
    await daemon.finish_retirements()
    assert {spec.slot for spec in map(machine.supervisor.spec, machine.supervisor.names)} == {3}
    await daemon.bury()


async def test_a_move_does_not_wait_for_standby_releases():
    machine = _machine(standby="10m")
    daemon = machine.daemon()
    await daemon.deploy("shop", V1)
    await daemon.deploy("shop", V2)
    await daemon.clock.sleep(70.0)
    begun = daemon.clock.monotonic()

    await _move(daemon)

    assert daemon.clock.monotonic() - begun < 10.0
    assert {spec.slot for spec in map(machine.supervisor.spec, machine.supervisor.names)} == {3}
    await daemon.bury()


async def test_a_queued_deploy_is_not_superseded_by_the_move():
    machine = _machine()
    daemon = machine.daemon()
    await daemon.deploy("shop", V1)
    release = await daemon.requests.deploy("shop", deploy_request(image=V2), ADMIN)

    await _move(daemon)
    deployed = await daemon.finish("shop", release.version)

    assert deployed.status is ReleaseStatus.ACTIVE
    assert await _runtimes(machine) == {"shop": "systemd"}
    assert len(await machine.store.releases("shop", 99)) == 2  # the deploy itself has moved the app
    await daemon.bury()


async def test_slots_of_earlier_versions_get_the_runtime_of_the_settings():
    machine = _machine()
    first = machine.daemon()
    await first.deploy("shop", V1)
    (slot,) = await machine.store.slots("shop")
    await machine.store.save(replace(slot, runtime=""))
    await first.bury()

    second = machine.daemon()
    await second.recover()

    assert await _runtimes(machine) == {"shop": "podman"}
    await second.bury()


async def test_the_plan_names_instances_volumes_memory_and_what_is_missing():
    machine = _machine()
    daemon = machine.daemon()
    await daemon.deploy("shop", V1, {**WITH_VOLUME, "resources": {"memory": "32MiB"}})
    machine.runtime_options.missing["systemd"] = "systemd is not process 1 of this machine"

    view = await daemon.runtime_plan.show("systemd")

    (app,) = view.apps
    assert (view.runtime, view.setting, view.target) == ("podman", "podman", "systemd")
    assert view.obstacle == "systemd is not process 1 of this machine"
    assert (app.state, app.instances, app.held, app.memory) == ("to move", ("web.1",), ("data",), 32 * 1024**2)
    assert await machine.store.runtime_choice() is None
    with pytest.raises(InvalidError, match="cannot move to systemd"):
        await daemon.runtime_moves.choose("systemd", ADMIN)
    with pytest.raises(InvalidError, match="no runtime docker"):
        await daemon.runtime_plan.show("docker")
    await daemon.bury()


async def test_an_app_without_memory_for_two_slots_is_named_in_the_plan():
    machine = _machine()
    daemon = machine.daemon()
    await daemon.deploy("shop", V1)
    machine.host.available_memory = 1024**2

    (app,) = (await daemon.runtime_plan.show("systemd")).apps

    assert "are needed for both slots" in app.problem
    await daemon.bury()


async def _moved_with_a_kill(kill_at: int) -> tuple[int, Machine]:
    """Move two apps, kill pvdifyd at this moment, and let its successor finish; return how many moments there were."""
    machine = _machine()
    peaceful = machine.daemon()
    await peaceful.deploy("shop", V1, {"processes": WITH_WORKER["processes"], "hooks": {"pre_deploy": [list(HOOK)]}})
    await peaceful.deploy("blog", V1, WITH_VOLUME)
    await peaceful.finish_retirements()
    await peaceful.bury()
    return await _move_and_kill(machine, "systemd", kill_at), machine


async def _move_and_kill(machine: Machine, runtime: str, kill_at: int) -> int:
    """Move the apps, kill pvdifyd at this moment, and let its successor finish; return how many moments there were."""
    daemon = machine.daemon(kill_at)
    moving, died = asyncio.create_task(_move(daemon, runtime)), asyncio.create_task(daemon.died.wait())
    await asyncio.wait({moving, died}, return_when=asyncio.FIRST_COMPLETED)
    moving.cancel()
    died.cancel()
    await asyncio.gather(moving, died, return_exceptions=True)
    moments = daemon.moments
    await daemon.bury()
    successor = machine.daemon()
    await successor.recover()
    await _finish_move(successor)
    await successor.finish_retirements()
    await successor.recover()
    await successor.bury()
    return moments


@pytest.mark.slow
async def test_a_move_completes_wherever_pvdifyd_is_killed():
    moments, _ = await _moved_with_a_kill(10**9)
    assert moments > 60

    for kill_at in range(1, moments + 1):
        _, machine = await _moved_with_a_kill(kill_at)

        runtimes = set((await _runtimes(machine)).values())
        choice = await machine.store.runtime_choice()
        expected = {"podman"} if choice is None else {"systemd"}  # killed before the choice was on disk
        assert runtimes == expected, kill_at
        assert machine.unserved == [], kill_at
        assert machine.supervisor.executions(HOOK) == 1, kill_at
        for app in ("shop", "blog"):
            await assert_consistent(machine, app)
