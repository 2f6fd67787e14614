"""Deploys and rollbacks from the first request to the last container."""

import pytest

from pvdify.engine.deploys.plans import DEPLOY
from pvdify.errors import (
    AppBusy,
    NotCancelable,
    NotRollbackable,
    RegistryUnavailable,
)
from pvdify.model.config import ConfigVar
from pvdify.model.deploy_log import EntryKind
from pvdify.model.instance import Exit, Secret
from pvdify.model.release import ReleaseStatus, Source
from tests.fakes.behaviour import Behaviour
from tests.fakes.machine import ACTOR, Daemon, Machine, assert_consistent
from tests.fakes.router import Failure
from tests.support.wanted import deploy_request

V1, V2 = "reg.example.com/shop:v1", "reg.example.com/shop:v2"


@pytest.fixture
async def machine():
    machine = Machine()
    machine.registry.push(V1, exposed_ports=(3000,))
    machine.registry.push(V2, exposed_ports=(3000,))
    return machine


@pytest.fixture
async def daemon(machine: Machine):
    daemon = machine.daemon()
    yield daemon
    await daemon.bury()


async def test_first_deploy_is_live_with_its_port_and_digest(machine: Machine, daemon: Daemon):
    release = await daemon.deploy(image=V1)

    assert release.failure is None
    assert release.status is ReleaseStatus.ACTIVE
    assert release.port == 3000
    assert await machine.route_of("shop") == (3001,)
    assert machine.supervisor.names == {"pvdify-shop-web-v1-1"}
    await assert_consistent(machine)


async def test_second_deploy_takes_the_route_and_the_first_is_retired_after_standby(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1)

    release = await daemon.deploy(image=V2)

    assert release.status is ReleaseStatus.ACTIVE
    assert await machine.route_of("shop") == (3002,)
    assert machine.supervisor.running == {"pvdify-shop-web-v1-1", "pvdify-shop-web-v2-1"}
    await daemon.finish_retirements()
    assert machine.supervisor.names == {"pvdify-shop-web-v2-1"}
    assert machine.clock.monotonic() >= 600
    await assert_consistent(machine)
    assert machine.unserved == []


async def test_failed_probe_leaves_the_live_slot_untouched(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1)
    machine.supervisor.script(Behaviour(exit_code=3, exit_after=0.2, listens_after=5, lines=("no database",)), slot=2)

    release = await daemon.deploy(image=V2)

    assert release.status is ReleaseStatus.FAILED
    assert release.failure is not None
    assert release.failure.code == "probe-failed"
    assert "exited with code 3" in release.failure.what
    assert "no database" in release.failure.why
    assert "v1 is still serving" in release.failure.next
    assert await machine.route_of("shop") == (3001,)
    await assert_consistent(machine)


async def test_rollback_to_standby_only_switches_the_route(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1)
    await daemon.deploy(image=V2)
    started = len(machine.supervisor.started)

    release = await daemon.rollback()

    assert release.version == 3
    assert release.repeats == 1
    assert len(machine.supervisor.started) == started
    assert await machine.route_of("shop") == (3001,)
    await daemon.finish_retirements()
    await assert_consistent(machine)


async def test_cold_rollback_works_without_the_registry(machine: Machine, daemon: Daemon):
    first = await daemon.deploy(image=V1)
    await daemon.deploy(image=V2)
    await daemon.finish_retirements()
    machine.registry.offline.add("reg.example.com")

    release = await daemon.rollback()

    assert release.status is ReleaseStatus.ACTIVE
    assert (release.digest, release.image_id) == (first.digest, first.image_id)
    assert "pvdify-shop-web-v3-1" in machine.supervisor.running
    await assert_consistent(machine)


async def test_rollback_restores_config_and_manifest(machine: Machine, daemon: Daemon):
    await daemon.requests.create_app("shop", ACTOR)
    await daemon.requests.change_config("shop", {"A": ConfigVar(value=Secret("1"))}, ACTOR)
    await daemon.deploy(image=V1, manifest={"drain": "1s"})
    await daemon.requests.change_config("shop", {"A": ConfigVar(value=Secret("2"))}, ACTOR)
    await daemon.deploy(image=V2, manifest={"drain": "2s"})
    await daemon.finish_retirements()

    release = await daemon.rollback()

    assert release.config_version == 1
    assert release.manifest.drain == 1.0
    assert machine.supervisor.spec("pvdify-shop-web-v3-1").environment["A"] == "1"


async def test_unsetting_what_is_not_set_makes_no_config_version(machine: Machine, daemon: Daemon):
    await daemon.requests.create_app("shop", ACTOR)
    await daemon.requests.change_config("shop", {"A": Secret("1")}, ACTOR)

    unchanged = await daemon.requests.change_config("shop", {"TYPO": None}, ACTOR)
    changed = await daemon.requests.change_config("shop", {"A": None, "TYPO": None}, ACTOR)

    assert (unchanged.version, changed.version, changed.values) == (1, 2, {})
    newest = (await machine.store.config_versions("shop"))[0]
    assert newest.unset_keys == ("A",)


async def test_rollback_goes_to_the_previous_live_release_so_a_second_one_undoes_it(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1)
    with pytest.raises(NotRollbackable):
        await daemon.requests.rollback("shop", None, ACTOR)
    await daemon.deploy(image=V2)
    machine.supervisor.script(Behaviour(exit_code=1, listens_after=9), slot=3)
    await daemon.deploy(image=V2)  # fails: never was live

    first, second, third = [await daemon.rollback() for _ in range(3)]

    assert [first.repeats, second.repeats, third.repeats] == [1, 2, 4]
    assert first.image_id == third.image_id != second.image_id
    await daemon.finish_retirements()
    await assert_consistent(machine)
    assert machine.unserved == []


async def test_only_the_newest_waiting_deploy_runs(machine: Machine, daemon: Daemon):
    machine.supervisor.script(Behaviour(healthy_after=3.0))
    releases = [await daemon.requests.deploy("shop", deploy_request(image=V1), ACTOR) for _ in range(4)]
    done = [await daemon.finish("shop", release.version) for release in releases]

    assert [release.status.value for release in done] == ["superseded", "superseded", "superseded", "active"]
    await daemon.finish_retirements()
    await assert_consistent(machine)


async def test_cancel_before_the_switch_restores_the_previous_state(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1)
    machine.supervisor.script(Behaviour(status=500), slot=2)
    await daemon.requests.deploy("shop", deploy_request(image=V2), ACTOR)
    await machine.clock.sleep(3)

    await daemon.requests.cancel("shop", 2, ACTOR)
    release = await daemon.finish("shop", 2)

    assert release.status is ReleaseStatus.CANCELED
    assert await machine.route_of("shop") == (3001,)
    await assert_consistent(machine)


async def test_cancel_after_the_switch_is_refused_and_changes_nothing(machine: Machine, daemon: Daemon):
    machine.supervisor.script(Behaviour(exit_code=0, exit_after=5.0), process="post_deploy")
    await daemon.requests.deploy("shop", deploy_request(image=V1, manifest={"hooks": {"post_deploy": ["x"]}}), ACTOR)
    await machine.clock.sleep(2)

    with pytest.raises(NotCancelable):
        await daemon.requests.cancel("shop", 1, ACTOR)
    release = await daemon.finish("shop", 1)

    assert (release.status, release.failure) == (ReleaseStatus.ACTIVE, None)


async def test_a_switch_that_took_effect_but_reported_failure_is_undone(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1)
    machine.router.fail("put", Failure.AFTER_EFFECT)

    release = await daemon.deploy(image=V2)

    assert release.status is ReleaseStatus.FAILED
    assert await machine.route_of("shop") == (3001,)
    await assert_consistent(machine)


async def test_pre_deploy_hook_that_fails_stops_the_deploy(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1)
    machine.supervisor.script(Behaviour(exit_code=9, lines=("table is locked",)), process="pre_deploy")

    release = await daemon.deploy(image=V2, manifest={"hooks": {"pre_deploy": [["migrate"]]}})

    assert release.failure is not None
    assert release.failure.code == "hook-failed"
    assert "table is locked" in release.failure.why
    assert machine.supervisor.names == {"pvdify-shop-web-v1-1"}


async def test_post_deploy_hook_that_fails_is_reported_and_undoes_nothing(machine: Machine, daemon: Daemon):
    machine.supervisor.script(Behaviour(exit_code=1), process="post_deploy")

    release = await daemon.deploy(image=V1, manifest={"hooks": {"post_deploy": ["warm"]}})

    assert release.status is ReleaseStatus.ACTIVE
    assert release.failure is not None
    assert release.failure.code == "hook-failed"
    await assert_consistent(machine)


async def test_a_worker_whose_exit_the_runtime_reports_late_does_not_count_as_up(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1, manifest={"processes": {"web": {}, "worker": {}}})
    machine.supervisor.script(Behaviour(exit_code=127, lines=("not found",)), process="worker", slot=2)
    wait = machine.supervisor.wait

    async def late(name: str) -> Exit:
        ended = await wait(name)
        await machine.clock.sleep(10)
        return ended

    machine.supervisor.wait = late  # type: ignore[method-assign] # as podman's clean-up is on a busy machine
    release = await daemon.deploy(image=V2, manifest={"processes": {"web": {}, "worker": {}}})

    assert release.status is ReleaseStatus.FAILED
    assert release.failure is not None
    assert "worker.1 exited with code 127 within 5 s" in release.failure.what
    await assert_consistent(machine)


async def test_workers_never_run_twice_and_are_restored_if_the_new_ones_fail(machine: Machine, daemon: Daemon):
    processes = {"web": {}, "worker": {"command": ["worker"]}}
    await daemon.deploy(image=V1, manifest={"processes": processes})
    machine.supervisor.script(Behaviour(exit_code=1, exit_after=2.0), process="worker", slot=2)

    release = await daemon.deploy(image=V2)

    assert release.status is ReleaseStatus.FAILED
    assert machine.supervisor.running == {"pvdify-shop-web-v1-1", "pvdify-shop-worker-v1-1"}
    await assert_consistent(machine)


async def test_older_run_of_the_same_branch_never_replaces_a_newer_one(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V2, branch="main", run_number=12)

    release = await daemon.deploy(image=V1, branch="main", run_number=11)
    allowed = await daemon.deploy(image=V1, branch="main", run_number=11, is_older_allowed=True)

    assert release.status is ReleaseStatus.SUPERSEDED
    assert release.failure is not None
    assert release.failure.what == "shop v2 was built by run 11 of main, but v1 of run 12 is live already"
    assert allowed.status is ReleaseStatus.ACTIVE


async def test_a_late_older_run_changes_nothing(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V2, branch="main", run_number=12)
    calls, route = len(machine.supervisor.started), await machine.route_of("shop")

    await daemon.deploy(image=V1, branch="main", run_number=11, manifest={"hooks": {"pre_deploy": [["migrate"]]}})

    assert len(machine.supervisor.started) == calls
    assert await machine.route_of("shop") == route
    assert await machine.images.kept("shop") == {1}
    assert len(machine.images.pulled) == 1


async def test_an_older_run_does_not_supersede_a_newer_one_in_the_queue(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1, branch="main", run_number=10)
    sources = [Source(branch="main", run_number=number) for number in (11, 13, 12)]

    queued = [await daemon.requests.deploy("shop", deploy_request(image=V2, source=it), ACTOR) for it in sources]
    done = [await daemon.finish("shop", release.version) for release in queued]

    assert [release.status.value for release in done] == ["superseded", "active", "superseded"]
    assert done[2].failure is not None
    assert "but v3 of run 13 waits for its turn" in done[2].failure.what


async def test_the_image_that_is_deployed_again_keeps_its_commit_and_run(daemon: Daemon):
    await daemon.deploy(image=V2, branch="main", commit="a" * 40, run_number=12)

    checkout = Source(branch="experiment", commit="b" * 40)
    again = await daemon.requests.deploy("shop", deploy_request(source=checkout), ACTOR)
    await daemon.finish("shop", again.version)
    late = await daemon.deploy(image=V1, branch="main", run_number=11)

    assert again.source == Source(branch="main", commit="a" * 40, run_number=12)
    assert late.status is ReleaseStatus.SUPERSEDED


async def test_runs_of_different_branches_are_not_compared(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V2, branch="main", run_number=12)

    release = await daemon.deploy(image=V1, branch="hotfix", run_number=3)

    assert release.status is ReleaseStatus.ACTIVE


async def test_an_unreachable_registry_fails_the_deploy_with_its_own_error(machine: Machine, daemon: Daemon):
    machine.registry.offline.add("reg.example.com")

    release = await daemon.deploy(image=V1)

    assert release.failure is not None
    assert release.failure.code == RegistryUnavailable.code
    assert machine.supervisor.names == frozenset()


async def test_an_instance_that_exits_is_restarted_with_back_off(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1)
    machine.supervisor.crash("pvdify-shop-web-v1-1", code=7)

    await daemon.reconciler.reconcile()

    assert machine.supervisor.running == {"pvdify-shop-web-v1-1"}
    events = await machine.store.events("shop")
    assert events[0].action == "instance.restarted"
    assert "exited with code 7" in events[0].text


async def test_an_instance_that_exits_is_removed_from_the_route_until_it_is_ready(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1, manifest={"processes": {"web": {"count": 2}}})
    machine.supervisor.script(Behaviour(listens_after=2.0), name="pvdify-shop-web-v1-1")
    machine.supervisor.crash("pvdify-shop-web-v1-1")

    await daemon.reconciler.reconcile()
    assert await machine.route_of("shop") == (3002,)
    await machine.clock.sleep(3)
    await daemon.reconciler.reconcile()

    assert await machine.route_of("shop") == (3001, 3002)


async def test_nothing_is_deployed_into_an_app_that_is_being_destroyed(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1)
    machine.supervisor.script(Behaviour(stop_seconds=3.0))
    await daemon.requests.destroy_app("shop", "shop", ACTOR)

    with pytest.raises(AppBusy, match="is being destroyed"):
        await daemon.requests.deploy("shop", deploy_request(image=V2), ACTOR)


async def test_maintenance_persists_over_deploys_until_it_is_turned_off(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1)
    await daemon.requests.set_maintenance("shop", ACTOR, is_on=True)
    assert (await machine.router.routes())["shop"].slot is None

    release = await daemon.deploy(image=V2)
    await daemon.reconciler.reconcile()
    assert release.failure is None
    assert (await machine.router.routes())["shop"].slot is None
    await daemon.requests.set_maintenance("shop", ACTOR, is_on=False)

    assert (await machine.router.routes())["shop"].slot == 2
    await assert_consistent(machine)


async def test_destroyed_app_leaves_nothing_but_events(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1)
    await daemon.deploy(image=V2)

    await daemon.requests.destroy_app("shop", "shop", ACTOR)
    while await machine.store.app("shop"):
        await machine.clock.sleep(0.1)

    assert machine.supervisor.names == frozenset()
    assert await machine.router.routes() == {}
    assert await machine.store.unsettled_operations() == ()
    assert (await machine.store.events("shop"))[0].action == "app.destroyed"


async def test_a_failed_release_gets_its_grace_period_before_removal(machine: Machine, daemon: Daemon):
    machine.supervisor.script(Behaviour(status=500), process="web")

    await daemon.deploy(image=V1)

    name = "pvdify-shop-web-v1-1"
    assert [verb for verb, of in machine.supervisor.calls if of == name][-2:] == ["stop", "remove"]


async def test_workers_get_the_grace_period_of_their_own_release(machine: Machine, daemon: Daemon):
    machine.supervisor.script(Behaviour(stop_seconds=20), process="worker", slot=1)
    processes = {"web": {}, "worker": {"command": "work"}}
    await daemon.deploy(image=V1, manifest={"processes": processes, "stop_timeout": "30s"})
    begun = machine.clock.monotonic()

    release = await daemon.deploy(image=V2, manifest={"processes": processes, "stop_timeout": "1s"})

    assert release.status is ReleaseStatus.ACTIVE
    assert machine.clock.monotonic() - begun > 20


async def test_a_slow_app_is_live_within_a_second_of_its_first_good_answer(machine: Machine, daemon: Daemon):
    machine.supervisor.script(Behaviour(healthy_after=37.3))

    release = await daemon.deploy(image=V1, manifest={"healthcheck": {"interval": "30s"}})

    assert release.receipt is not None
    assert 37.0 < release.receipt.steps["health"] <= 38.3


async def test_a_deploy_waits_for_the_disk_only_for_steps_that_do_something(machine: Machine, daemon: Daemon):
    before = machine.store.writes

    release = await daemon.deploy(image=V1)

    assert release.receipt is not None
    assert list(release.receipt.steps) == [step.name for step in DEPLOY.steps]
    # The request, the beginning with that of `admit`, the ends of `admit`, `pull`, `start`, `health` and `switch`, each
    # with the beginning of the next one, the places before they are used, and the outcome with the end of `confirm`.
    assert machine.store.writes - before == 9


async def test_a_warm_rollback_waits_for_the_disk_only_for_what_it_changes(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1)
    await daemon.deploy(image=V2)
    await machine.clock.sleep(5)
    before = machine.store.writes

    release = await daemon.rollback()

    assert release.receipt is not None
    assert release.receipt.steps["pull"] == 0
    # The request, the beginning, the ends of `admit`, `start`, `health` and `switch`, the slot before it is used, and
    # the outcome; the retirement of the slot ends with two writes, and that of the displaced one begins with one.
    assert machine.store.writes - before == 8 + 2 + 1


async def test_a_failed_deploy_saves_each_undo_before_it_begins_and_what_it_did_with_the_next(
    machine: Machine, daemon: Daemon
):
    await daemon.deploy(image=V1)
    machine.supervisor.script(Behaviour(exit_code=3), slot=2)
    before = machine.store.writes

    release = await daemon.deploy(image=V2)

    assert release.status is ReleaseStatus.FAILED
    # Six until `health` begins; then the beginning of each of four undos, the first with the failure; the outcome.
    assert machine.store.writes - before == 6 + 4 + 1


async def test_in_the_deploy_log_each_step_begins_once_and_ends_before_the_next_begins(
    machine: Machine, daemon: Daemon
):
    await daemon.deploy(image=V1)

    marks = [
        (entry.step, entry.kind)
        for entry in await machine.deploy_log.read("shop", 1)
        if entry.kind in (EntryKind.STEP_STARTED, EntryKind.STEP_DONE)
    ]
    begun = [step for step, kind in marks if kind is EntryKind.STEP_STARTED]
    assert begun == ["admit", "pull", "start", "health", "switch", "confirm"]
    for at, (step, kind) in enumerate(marks):
        assert kind is EntryKind.STEP_STARTED or marks[at - 1] == (step, EntryKind.STEP_STARTED)
