"""Volumes outlive releases, and a volume that is not shared is never used by two releases at once."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from pvdify.errors import AppNotFound, VolumeExists, VolumeInUse, VolumeNotFound, VolumeNotShared
from pvdify.model.image import LocalImage
from pvdify.model.instance import InstanceSpec
from pvdify.model.release import Release, ReleaseStatus
from pvdify.model.route import Traffic
from pvdify.model.scale import RequestedCount
from tests.fakes.behaviour import Behaviour
from tests.fakes.machine import ACTOR, Daemon, Machine, assert_consistent
from tests.fakes.supervisor import FakeNetworks

V1, V2 = "reg.example.com/shop:v1", "reg.example.com/shop:v2"
DATA: dict[str, Any] = {"volumes": {"data": {"path": "/data"}}}
SHARED: dict[str, Any] = {"volumes": {"data": {"path": "/data", "shared": True}}}
EMPTY: dict[str, Any] = {"volumes": {"data": {"path": "/data", "ephemeral": True}}}


@pytest.fixture
def machine() -> Machine:
    machine = Machine(standby="600s")
    for image in (V1, V2):
        machine.registry.push(image, content=image)
    return machine


@pytest.fixture
def daemon(machine: Machine) -> Daemon:
    return machine.daemon()


def spec_of(machine: Machine, release: Release, process: str = "web") -> InstanceSpec:
    return machine.supervisor.spec(f"pvdify-shop-{process}-v{release.version}-1")


def mounted(spec: InstanceSpec) -> dict[str, str | None]:
    return {mount.path: mount.volume for mount in spec.mounts}


def together(machine: Machine) -> set[int]:
    """Return how many releases ran with one volume at the same time."""
    return {len(slots) for used in machine.supervisor.shared_by.values() for slots in used}


def image_with(machine: Machine, *paths: str) -> LocalImage:
    return machine.registry.push(V1, volumes=paths)


async def test_every_release_mounts_the_same_storage(machine: Machine, daemon: Daemon):
    first = await daemon.deploy(image=V1, manifest=DATA)
    before = mounted(spec_of(machine, first))

    second = await daemon.deploy(image=V2)
    after = mounted(spec_of(machine, second))
    back = await daemon.rollback()

    assert before["/data"] is not None
    assert before == after == mounted(spec_of(machine, back))
    assert together(machine) == {1}


async def test_a_rollback_to_a_release_on_standby_checks_its_volumes(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1, manifest=DATA)
    await daemon.deploy(image=V2, manifest={"volumes": {}})
    scaled = await daemon.processes.scale("shop", {"web": RequestedCount(number=2)}, ACTOR)
    await daemon.finish_operation(scaled)

    back = await daemon.rollback()

    assert back.failure is not None
    assert (back.status, back.failure.code) == (ReleaseStatus.FAILED, "volume-not-shared")
    await assert_consistent(machine)


async def test_instances_on_standby_stop_before_others_get_their_volume(machine: Machine, daemon: Daemon):
    first = await daemon.deploy(image=V1, manifest=DATA)
    await daemon.deploy(image=V2, manifest={"volumes": {}})

    back = await daemon.rollback()

    assert (back.status, mounted(spec_of(machine, back))) == (ReleaseStatus.ACTIVE, mounted(spec_of(machine, first)))
    assert together(machine) == {1}


async def test_the_old_release_stops_before_the_new_one_starts_and_its_hooks_run(machine: Machine, daemon: Daemon):
    machine.supervisor.script(Behaviour(exit_code=0, exit_after=0.1), process="pre_deploy")
    await daemon.deploy(image=V1, manifest=DATA)
    machine.supervisor.calls.clear()

    await daemon.deploy(image=V2, manifest={**DATA, "hooks": {"pre_deploy": ["migrate"]}})

    calls = [call for call in machine.supervisor.calls if call[0] in ("start", "stop")]
    assert [name for _, name in calls[:3]] == [
        "pvdify-shop-web-v1-1", "pvdify-shop-pre_deploy-v2-1", "pvdify-shop-web-v2-1",
    ]  # fmt: skip
    assert mounted(machine.supervisor.started[-2]) == mounted(machine.supervisor.started[-1])
    await daemon.finish_retirements()
    await assert_consistent(machine)


async def test_the_receipt_of_a_hand_over_has_the_steps_in_the_order_in_which_they_ran(daemon: Daemon):
    await daemon.deploy(image=V1, manifest=DATA)

    release = await daemon.deploy(image=V2, manifest=DATA)

    assert release.receipt is not None
    steps = list(release.receipt.steps)
    assert steps.index("pull") < steps.index("make_room") < steps.index("start") < steps.index("switch")


async def test_the_old_release_is_restored_if_the_new_one_fails(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1, manifest=DATA)
    machine.supervisor.script(Behaviour(exit_code=1, exit_after=0.3, listens_after=9), slot=2)

    failed = await daemon.deploy(image=V2)

    assert failed.status is ReleaseStatus.FAILED
    assert together(machine) == {1}
    await assert_consistent(machine)


@pytest.mark.parametrize("manifest", [SHARED, EMPTY])
async def test_shared_or_no_volumes_need_no_stop_first(machine: Machine, daemon: Daemon, manifest: dict[str, Any]):
    await daemon.deploy(image=V1, manifest=manifest)
    machine.supervisor.calls.clear()

    await daemon.deploy(image=V2)

    assert next(call for call in machine.supervisor.calls if call[0] in ("start", "stop"))[0] == "start"
    assert machine.unserved == []


@pytest.mark.parametrize("manifest", [SHARED, {"volumes": {}}])
async def test_a_release_on_standby_does_not_keep_a_volume_that_the_next_one_gets(
    machine: Machine, daemon: Daemon, manifest: dict[str, Any]
):
    await daemon.deploy(image=V1, manifest=DATA)
    await daemon.deploy(image=V2, manifest=manifest)

    await daemon.deploy(image=V1, manifest=DATA)

    assert together(machine) == {1}


async def test_ephemeral_volumes_have_no_storage(machine: Machine, daemon: Daemon):
    release = await daemon.deploy(image=V1, manifest=EMPTY)

    assert mounted(spec_of(machine, release)) == {"/data": None}
    assert await machine.store.volumes() == ()


async def test_only_named_processes_mount_a_volume(machine: Machine, daemon: Daemon):
    manifest = {
        "processes": {"web": {}, "worker": {"command": ["work"]}},
        "volumes": {"data": {"path": "/data", "processes": ["worker"]}},
    }

    release = await daemon.deploy(image=V1, manifest=manifest)

    assert mounted(spec_of(machine, release)) == {}
    assert list(mounted(spec_of(machine, release, "worker"))) == ["/data"]


async def test_paths_that_the_image_declares_are_kept_and_the_log_says_how_to_choose(machine: Machine, daemon: Daemon):
    image_with(machine, "/var/lib/shop", "/data")

    release = await daemon.deploy(image=V1, manifest=DATA)

    assert set(mounted(spec_of(machine, release))) == {"/data", "/var/lib/shop"}
    assert {volume.name for volume in await machine.store.volumes("shop")} == {"data", "var-lib-shop"}
    notes = [entry.text for entry in await machine.deploy_log.read("shop", 1)]
    assert any("VOLUME /var/lib/shop: it is kept in the volume var-lib-shop" in note for note in notes)


@pytest.mark.parametrize(
    ("manifest", "now"),
    [({"volumes": {"files": {"path": "/data"}}}, "in the volume files now"), (EMPTY, "ephemeral now")],
)
async def test_the_deploy_log_says_which_volume_has_the_files_of_a_path_that_got_another(
    machine: Machine, daemon: Daemon, manifest: dict[str, Any], now: str
):
    await daemon.deploy(image=V1, manifest=DATA)

    await daemon.deploy(image=V2, manifest=manifest)
    await daemon.deploy(image=V1, manifest=manifest)
    await daemon.rollback()

    logs = [[entry.text for entry in await machine.deploy_log.read("shop", number)] for number in (1, 2, 3, 4)]
    assert [sum("stays in the volume data" in note for note in notes) for notes in logs] == [0, 1, 0, 0]
    assert any(note.startswith(f"/data is {now}; what v1 wrote there stays") for note in logs[1])


async def test_a_volume_whose_name_is_ephemeral_now_is_unused_and_can_be_destroyed(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1, manifest=DATA)
    await daemon.deploy(image=V2, manifest=EMPTY)
    await daemon.finish_retirements()

    (view,) = await daemon.volumes.list("shop")
    await daemon.volumes.destroy("shop", "data", ACTOR, purges=False)

    assert view.declared is None
    assert [volume.is_trashed for volume in await machine.store.volumes("shop")] == [True]


async def test_several_instances_need_a_volume_of_the_image_to_be_named(machine: Machine, daemon: Daemon):
    image_with(machine, "/data")

    release = await daemon.deploy(image=V1, manifest={"processes": {"web": {"count": 2}}})

    assert release.failure is not None
    assert release.failure.code == "volume-not-shared"
    assert machine.supervisor.names == frozenset()


async def test_a_volume_in_use_is_not_destroyed(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1, manifest=DATA)

    with pytest.raises(VolumeInUse):
        await daemon.volumes.destroy("shop", "data", ACTOR, purges=False)


async def test_a_destroyed_volume_can_be_restored_until_the_trash_is_emptied(machine: Machine, daemon: Daemon):
    first = await daemon.deploy(image=V1, manifest=DATA)
    storage = mounted(spec_of(machine, first))
    await daemon.deploy(image=V2, manifest={})
    await daemon.finish_retirements()

    await daemon.volumes.destroy("shop", "data", ACTOR, purges=False)
    (view,) = await daemon.volumes.list("shop")
    assert view.volume.is_trashed
    await machine.clock.advance(timedelta(days=6).total_seconds())
    await daemon.volumes.purge_due()
    await daemon.volumes.restore("shop", "data", ACTOR)
    again = await daemon.deploy(image=V1, manifest=DATA)

    assert mounted(spec_of(machine, again)) == storage


async def test_the_trash_is_emptied_after_seven_days(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1, manifest=DATA)
    await daemon.deploy(image=V2, manifest={})
    await daemon.finish_retirements()
    await daemon.volumes.destroy("shop", "data", ACTOR, purges=False)
    await machine.clock.advance(timedelta(days=7).total_seconds())

    await daemon.volumes.purge_due()

    assert await machine.volumes.find() == {}
    assert await machine.store.volumes() == ()
    with pytest.raises(VolumeNotFound):
        await daemon.volumes.restore("shop", "data", ACTOR)


async def test_an_app_that_is_destroyed_leaves_its_volumes_in_the_trash(machine: Machine, daemon: Daemon):
    first = await daemon.deploy(image=V1, manifest=DATA)
    storage = mounted(spec_of(machine, first))
    await daemon.requests.destroy_app("shop", "shop", ACTOR)
    while await machine.store.app("shop"):
        await machine.clock.sleep(1.0)

    with pytest.raises(AppNotFound) as refused:
        await daemon.volumes.restore("shop", "data", ACTOR)
    assert refused.value.next == "`pvdify apps:create shop`, then `pvdify volumes:restore shop data`, and deploy"

    await daemon.requests.create_app("shop", ACTOR)
    await daemon.volumes.restore("shop", "data", ACTOR)
    again = await daemon.deploy(image=V1, manifest=DATA)

    assert mounted(spec_of(machine, again)) == storage


async def test_an_app_can_be_destroyed_with_its_volumes(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1, manifest=DATA)

    await daemon.requests.destroy_app("shop", "shop", ACTOR, purges=True)
    while await machine.store.app("shop"):
        await machine.clock.sleep(1.0)

    assert await machine.volumes.find() == {}
    assert await machine.store.volumes() == ()


async def test_a_namespace_that_is_kept_for_volumes_is_removed_with_them(machine: Machine):
    class Namespaces(FakeNetworks):
        async def remove(self, app: str) -> None:
            if app not in machine.supervisor.stored_volumes.values():
                await super().remove(app)

    machine.supervisor.networks = Namespaces(machine.supervisor)
    daemon = machine.daemon()
    await daemon.deploy(image=V1, manifest=DATA)

    await daemon.requests.destroy_app("shop", "shop", ACTOR, purges=True)
    while await machine.store.app("shop"):
        await machine.clock.sleep(1.0)

    assert machine.supervisor.made_networks == set()


async def test_a_restore_does_not_replace_an_existing_volume(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1, manifest=DATA)
    await daemon.deploy(image=V2, manifest={})
    await daemon.finish_retirements()
    await daemon.volumes.destroy("shop", "data", ACTOR, purges=False)
    await daemon.deploy(image=V1, manifest=DATA)

    with pytest.raises(VolumeExists):
        await daemon.volumes.restore("shop", "data", ACTOR)


async def test_the_list_names_the_users_of_a_volume(daemon: Daemon):
    await daemon.deploy(image=V1, manifest=DATA)

    (view,) = await daemon.volumes.list("shop")

    assert view.processes == ("web",)
    assert view.declared is not None
    assert view.size is not None


async def test_an_app_with_a_volume_that_is_not_shared_is_not_scaled_up(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1, manifest=DATA)

    with pytest.raises(VolumeNotShared):
        await daemon.scale(web=2)

    assert together(machine) == {1}


async def test_a_restart_hands_the_volume_from_instance_to_instance(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1, manifest=DATA)
    (before,) = machine.supervisor.running
    machine.supervisor.calls.clear()
    machine.router.puts.clear()

    await daemon.restart()

    (after,) = machine.supervisor.running
    calls = [call for call in machine.supervisor.calls if call[0] in ("start", "stop")]
    assert before != after
    assert calls[:2] == [("stop", before), ("start", after)]
    assert machine.router.puts[0].held_until is not None
    assert machine.router.puts[-1].held_until is None
    await assert_consistent(machine)


async def test_a_failed_restart_restores_only_the_old_instance(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1, manifest=DATA)
    (before,) = machine.supervisor.running
    machine.supervisor.script(Behaviour(exit_code=1, exit_after=0.3, listens_after=9), starts=1)

    await daemon.restart()

    assert machine.supervisor.running == {before}
    assert len(await machine.route_of("shop")) == 1
    await assert_consistent(machine)


async def test_requests_are_held_after_a_failed_restart_until_the_old_instance_answers(
    machine: Machine, daemon: Daemon
):
    check = {"healthcheck": {"start_period": "20s"}}
    await daemon.deploy(image=V1, manifest={**DATA, **check})
    machine.supervisor.script(Behaviour(healthy_after=12.0))
    machine.supervisor.script(Behaviour(exit_code=1, exit_after=0.3, listens_after=9), starts=1)
    begun, restarting, back = machine.clock.monotonic(), asyncio.create_task(daemon.restart()), 0.0

    while not restarting.done():
        await machine.clock.sleep(0.5)
        is_held = (await machine.router.routes())["shop"].held_until is not None
        back = 0.0 if is_held else (back or machine.clock.monotonic())
    await restarting

    assert 12 <= back - begun < 16
    await assert_consistent(machine)


async def test_without_a_hold_a_restart_lets_requests_in_flight_end(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1, manifest={**DATA, "hold": 0, "drain": "20s"})
    machine.router.serve("shop", 1, Traffic(requests=1, in_flight=1))
    restarting = asyncio.create_task(daemon.restart())

    await machine.clock.sleep(10)
    (still,) = machine.supervisor.running
    machine.router.serve("shop", 1, Traffic(requests=0, in_flight=-1))
    await restarting

    assert still not in machine.supervisor.running
    await assert_consistent(machine)


async def test_a_worker_that_may_overlap_does_not_while_it_has_a_volume(machine: Machine, daemon: Daemon):
    manifest = {"processes": {"web": {}, "worker": {"command": ["work"], "overlap": True}}, **DATA}
    await daemon.deploy(image=V1, manifest=manifest)
    machine.supervisor.calls.clear()

    await daemon.restart(process="worker")

    calls = [verb for verb, _ in machine.supervisor.calls if verb in ("start", "stop")]
    assert calls[:2] == ["stop", "start"]
