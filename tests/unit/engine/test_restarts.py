"""Instances that exit: who restarts them, and which events report it."""

import asyncio

import pytest

from pvdify.engine.running.instances import STARTS_AT_ONCE
from pvdify.engine.running.reconciler import PAUSE
from pvdify.errors import RuntimeUnavailable, StartFailed
from pvdify.model.instance import InstanceSpec
from pvdify.model.operation import Operation, OperationKind
from tests.fakes.behaviour import Behaviour
from tests.fakes.machine import ACTOR, Daemon, Machine, assert_consistent
from tests.support.wanted import preview_request

IMAGE = "reg.example.com/shop:v1"
WEB = "pvdify-shop-web-v1-1"


async def deployed(**manifest: object) -> tuple[Machine, Daemon]:
    machine = Machine()
    machine.registry.push(IMAGE)
    daemon = machine.daemon()
    await daemon.deploy(image=IMAGE, manifest=dict(manifest))
    return machine, daemon


async def actions(machine: Machine) -> list[str]:
    return [event.action for event in await machine.store.events("shop")]


async def test_restarts_by_the_supervisor_are_left_to_it_and_reported_once():
    machine, daemon = await deployed()
    starts = len(machine.supervisor.started)

    machine.supervisor.crash_and_restart(WEB, code=3)
    await daemon.reconciler.reconcile()
    await daemon.reconciler.reconcile()

    assert len(machine.supervisor.started) == starts
    assert (await actions(machine)).count("instance.restarted") == 1
    assert (await machine.store.events("shop"))[0].text == "web.1 exited with code 3"
    await machine.clock.sleep(2)
    await daemon.reconciler.reconcile()
    await assert_consistent(machine)
    await daemon.bury()


async def test_a_move_by_the_supervisor_is_reported_once_and_is_no_crash():
    machine, daemon = await deployed()

    machine.supervisor.move(WEB, "was moved from n1 to n2")
    await daemon.reconciler.reconcile()
    await daemon.reconciler.reconcile()

    assert (await actions(machine)).count("instance.moved") == 1
    assert (await machine.store.events("shop"))[0].text == "web.1 was moved from n1 to n2"
    assert "instance.restarted" not in await actions(machine)
    await daemon.bury()


async def test_a_restart_during_a_downtime_of_pvdifyd_is_reported_at_its_start():
    machine, daemon = await deployed()
    await daemon.bury()
    machine.supervisor.crash_and_restart(WEB, code=137, is_out_of_memory=True)
    await machine.clock.sleep(60)

    successor = machine.daemon()
    await successor.recover()

    assert (await actions(machine)).count("instance.out-of-memory") == 1
    await successor.bury()


async def test_an_instance_of_two_that_waits_for_its_restart_gets_no_visitors():
    machine, daemon = await deployed(processes={"web": {"count": 2}})

    machine.supervisor.crash_and_restart(WEB)
    await daemon.reconciler.reconcile()
    assert len(await machine.route_of("shop")) == 1
    await machine.clock.sleep(2)
    await daemon.reconciler.reconcile()

    assert len(await machine.route_of("shop")) == 2
    await daemon.bury()


async def test_an_out_of_memory_kill_is_reported_as_such():
    machine, daemon = await deployed()

    machine.supervisor.crash(WEB, code=137, is_out_of_memory=True)
    await daemon.reconciler.reconcile()

    assert "instance.out-of-memory" in await actions(machine)
    await daemon.bury()


async def test_after_a_boot_apps_start_as_they_went_live_and_previews_last():
    machine = Machine(standby="20s")
    for image in (IMAGE, "reg.example.com/shop:pr-1"):
        machine.registry.push(image)
    daemon = machine.daemon()
    await daemon.deploy("zoo", IMAGE)
    _, release = await daemon.previews.open("zoo", 1, preview_request(image="reg.example.com/shop:pr-1"), ACTOR)
    await daemon.finish(release.app, release.version)
    await daemon.deploy("shop", IMAGE)
    await daemon.bury()
    machine.supervisor.reboot()
    machine.supervisor.started.clear()

    successor = machine.daemon()
    await successor.recover()

    assert [spec.app for spec in machine.supervisor.started] == ["zoo", "shop", "zoo-pr-1"]
    await successor.bury()


async def test_after_a_boot_some_apps_start_at_the_same_time(monkeypatch: pytest.MonkeyPatch):
    machine = Machine(standby="20s")
    machine.registry.push(IMAGE)
    daemon = machine.daemon()
    apps = [f"app-{number}" for number in range(2 * STARTS_AT_ONCE)]
    for app in apps:
        await daemon.deploy(app, IMAGE)
    await daemon.bury()
    machine.supervisor.reboot()
    under_way, most, start = 0, 0, machine.supervisor.start

    async def start_slowly(spec: InstanceSpec) -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await machine.clock.sleep(10)
        await start(spec)
        under_way -= 1

    monkeypatch.setattr(machine.supervisor, "start", start_slowly)
    successor, begun = machine.daemon(), machine.clock.monotonic()
    await successor.reconciler.reconcile()

    assert most == STARTS_AT_ONCE
    assert machine.clock.monotonic() - begun < 30
    assert len(machine.supervisor.running) == len(apps)
    await successor.bury()


async def test_a_boot_of_the_host_is_reported_as_no_restart():
    machine, daemon = await deployed()
    await daemon.bury()
    before = await actions(machine)
    machine.supervisor.reboot()

    successor = machine.daemon()
    await successor.recover()

    assert WEB in machine.supervisor.running
    assert await actions(machine) == before
    machine.supervisor.crash(WEB)
    await successor.reconciler.reconcile()
    assert "instance.restarted" in await actions(machine)
    await successor.bury()


async def test_an_app_that_cannot_start_does_not_keep_others_down():
    machine, daemon = await deployed()
    await daemon.deploy("zoo", IMAGE)
    await daemon.bury()
    machine.supervisor.reboot()
    machine.supervisor.started.clear()
    machine.supervisor.fail_next("start", StartFailed("shop v1: web.1 could not be started", why="?", next="look"))

    successor = machine.daemon()
    await successor.reconciler.reconcile()

    assert [spec.app for spec in machine.supervisor.started] == ["zoo"]
    await successor.recover()
    assert WEB in machine.supervisor.running
    await successor.bury()


async def test_a_missing_image_is_pulled_again_before_an_instance_starts():
    machine, daemon = await deployed()
    release = await machine.store.release("shop", 1)
    assert release is not None
    assert release.image_id is not None
    machine.images.lose(release.image_id)
    await machine.supervisor.remove(WEB)

    await daemon.reconciler.reconcile()

    assert release.image_id in machine.images.stored
    assert machine.images.pulled == [f"reg.example.com/shop@{release.digest}"] * 2
    assert await machine.images.kept("shop") == {1}
    assert [item.name for item in await machine.supervisor.find()] == [WEB]
    await daemon.bury()


async def test_instances_of_an_app_being_destroyed_are_not_restarted():
    machine, daemon = await deployed()
    leaving = Operation(
        id="shop-destroy", kind=OperationKind.DESTROY, app="shop", created_at=machine.clock.now(), created_by="admin"
    )
    await machine.store.save(leaving)
    await machine.supervisor.remove(WEB)
    await machine.images.release("shop", 1)

    await daemon.reconciler.reconcile()

    assert machine.supervisor.names == set()
    assert await machine.images.kept("shop") == frozenset()
    assert "instance.restarted" not in await actions(machine)
    await daemon.bury()


async def test_no_state_is_left_of_an_app_destroyed_while_its_instances_were_watched():
    machine, daemon = await deployed(processes={"web": {"count": 2}})
    watching = asyncio.create_task(daemon.reconciler.run())
    await machine.clock.sleep(1)

    await daemon.requests.destroy_app("shop", "shop", ACTOR)
    await machine.clock.sleep(120)

    assert (machine.supervisor.names, await machine.images.kept("shop")) == (set(), frozenset())
    assert await machine.store.app("shop") is None
    watching.cancel()
    await daemon.bury()


async def test_an_exited_instance_is_removed_from_the_route_before_any_other_check():
    machine, daemon = await deployed(processes={"web": {"count": 2}})
    await daemon.reconciler.reconcile()
    machine.supervisor.crash_and_restart(WEB)
    await machine.clock.sleep(0.05)

    await daemon.reconciler.put_routes()

    assert len(await machine.route_of("shop")) == 1
    await machine.clock.sleep(2)
    await daemon.reconciler.reconcile()
    await daemon.reconciler.reconcile()
    assert len(await machine.route_of("shop")) == 2
    await daemon.bury()


async def test_an_instance_that_exits_during_a_deploy_is_removed_from_the_route_and_the_deploy_continues():
    machine, daemon = await deployed(processes={"web": {"count": 2}})
    machine.registry.push("reg.example.com/shop:v2")
    machine.supervisor.script(Behaviour(listens_after=20), slot=2)
    await daemon.reconciler.reconcile()
    deploying = asyncio.create_task(daemon.deploy(image="reg.example.com/shop:v2"))
    await machine.clock.sleep(5)
    assert await machine.route_of("shop") == (3001, 3002)

    machine.supervisor.crash(WEB)
    await machine.clock.sleep(0.05)

    assert await machine.route_of("shop") == (3002,)
    release = await deploying
    assert machine.router.puts[-1].slot == release.slot == 2
    await daemon.bury()


async def test_after_a_start_of_pvdifyd_an_instance_is_back_in_the_route_during_a_deploy():
    machine, daemon = await deployed(processes={"web": {"count": 2}})
    await daemon.bury()
    machine.registry.push("reg.example.com/shop:v2")
    machine.supervisor.script(Behaviour(listens_after=20), slot=2)
    successor = machine.daemon()
    await successor.reconciler.reconcile()
    deploying = asyncio.create_task(successor.deploy(image="reg.example.com/shop:v2"))
    await machine.clock.sleep(5)

    machine.supervisor.crash_and_restart(WEB)
    await machine.clock.sleep(3)

    assert await machine.route_of("shop") == (3001, 3002)
    await deploying
    await successor.bury()


async def test_an_instance_is_back_in_the_route_during_a_deploy_that_pvdifyd_found_unfinished():
    machine, daemon = await deployed(processes={"web": {"count": 2}})
    machine.registry.push("reg.example.com/shop:v2")
    machine.supervisor.script(Behaviour(listens_after=20), slot=2)
    deploying = asyncio.create_task(daemon.deploy(image="reg.example.com/shop:v2"))
    await machine.clock.sleep(5)
    deploying.cancel()
    await daemon.bury()
    successor = machine.daemon()
    await successor.worker.resume()
    await successor.reconciler.reconcile()

    machine.supervisor.crash_and_restart(WEB)
    await machine.clock.sleep(3)

    assert await machine.route_of("shop") == (3001, 3002)
    await successor.finish("shop", 2)
    assert machine.router.puts[-1].slot == 2
    await successor.bury()


async def test_an_instance_restarted_by_the_supervisor_is_watched_again():
    machine, daemon = await deployed(processes={"web": {"count": 2}})
    await daemon.reconciler.reconcile()

    for _ in range(3):
        machine.supervisor.crash_and_restart(WEB)
        await machine.clock.sleep(0.05)
        assert len(await machine.route_of("shop")) == 1
        await machine.clock.sleep(2)
        await daemon.reconciler.reconcile()
        assert len(await machine.route_of("shop")) == 2
    await daemon.bury()


async def test_a_new_release_is_checked_as_soon_as_it_is_live():
    machine, daemon = await deployed()
    running = asyncio.create_task(daemon.reconciler.run())
    await machine.clock.sleep(PAUSE / 2)
    machine.registry.push("reg.example.com/shop:v2")

    await daemon.deploy(image="reg.example.com/shop:v2")
    await machine.clock.sleep(0.05)

    assert ("wait_down", "pvdify-shop-web-v2-1") in machine.supervisor.calls
    running.cancel()
    await daemon.bury()


async def test_a_failed_image_lookup_does_not_keep_an_app_down():
    machine, daemon = await deployed()
    await daemon.bury()
    machine.supervisor.reboot()
    machine.images.fail_next("get", RuntimeUnavailable("podman cannot do its work", why="another image", next="look"))

    successor = machine.daemon()
    await successor.reconciler.reconcile()

    assert WEB in machine.supervisor.running
    await successor.bury()


async def test_an_orphaned_network_is_removed_and_those_of_apps_are_kept():
    machine, daemon = await deployed()
    machine.supervisor.made_networks.add("gone")
    await daemon.reconciler.reconcile()
    assert machine.supervisor.made_networks == {"shop"}

    machine.supervisor.made_networks.add("gone-later")
    await machine.clock.sleep(601)
    await daemon.reconciler.reconcile()

    assert machine.supervisor.made_networks == {"shop"}
    await daemon.bury()


async def test_networks_are_checked_rarely():
    machine, daemon = await deployed()

    for _ in range(20):
        await daemon.reconciler.reconcile()
        await machine.clock.sleep(5)

    assert [verb for verb, _ in machine.supervisor.calls].count("networks") == 1
    await daemon.bury()


async def test_an_instance_that_boots_slowly_has_visitors_within_a_second_of_its_first_good_answer():
    machine, daemon = await deployed(processes={"web": {"count": 2}})
    machine.supervisor.script(Behaviour(healthy_after=7.5))
    machine.supervisor.crash(WEB)
    running = asyncio.create_task(daemon.reconciler.run())
    begun = machine.clock.monotonic()
    await machine.clock.sleep(2)
    assert len(await machine.route_of("shop")) == 1

    while len(await machine.route_of("shop")) < 2 and machine.clock.monotonic() - begun < 60:
        await machine.clock.sleep(0.1)

    assert machine.clock.monotonic() - begun <= 9.6
    running.cancel()
    await daemon.bury()


async def test_an_image_that_is_removed_between_pull_and_pin_is_pulled_again_before_an_instance_starts(
    monkeypatch: pytest.MonkeyPatch,
):
    machine, daemon = await deployed()
    release = await machine.store.release("shop", 1)
    assert release is not None
    assert release.image_id is not None
    machine.images.lose(release.image_id)
    await machine.supervisor.remove(WEB)
    lose_before_next_pin(machine, monkeypatch)

    await daemon.reconciler.reconcile()

    assert machine.images.pulled == [f"reg.example.com/shop@{release.digest}"] * 3
    assert await machine.images.kept("shop") == {1}
    assert machine.supervisor.running == {WEB}
    await daemon.bury()


def lose_before_next_pin(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove the image with another app's last release, just before the next pin is set."""
    keep, is_removed = machine.images.keep, []

    async def keep_late(image_id: str, app: str, release: int) -> None:
        if not is_removed:
            is_removed.append(True)
            machine.images.lose(image_id)
        await keep(image_id, app, release)

    monkeypatch.setattr(machine.images, "keep", keep_late)
