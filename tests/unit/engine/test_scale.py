"""Scaling, restarting and stopping: instances change, the live release stays, and no request fails."""

from dataclasses import replace
from typing import Any

import pytest

from pvdify.engine.deploys.acceptance import read_deploy
from pvdify.engine.deploys.processes import MOST_WAITING
from pvdify.errors import AppBusy, AppNotFound, InvalidScale, NothingRuns, RuntimeUnavailable
from pvdify.model.operation import Operation, OperationState
from pvdify.model.release import Release
from pvdify.model.route import Traffic
from pvdify.model.scale import Relative, RequestedCount
from tests.fakes.behaviour import Behaviour
from tests.fakes.machine import ACTOR, Daemon, Machine, assert_consistent
from tests.fakes.places import at

V1, V2 = "reg.example.com/shop:v1", "reg.example.com/shop:v2"
BOTH: dict[str, Any] = {"processes": {"web": {"count": 2}, "worker": {"command": ["worker"]}}}


@pytest.fixture
async def machine():
    machine = Machine()
    machine.registry.push(V1)
    machine.registry.push(V2)
    return machine


@pytest.fixture
async def daemon(machine: Machine):
    daemon = machine.daemon()
    yield daemon
    await daemon.bury()


def steps(operation: Operation) -> dict[str, str]:
    return {step.name: step.text for step in operation.steps if step.text}


async def test_more_instances_join_once_they_are_healthy(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1)

    operation = await daemon.scale(web=3)

    assert operation.state is OperationState.SUCCEEDED
    assert steps(operation) == {
        "start": f"web.2 {at(3002)}  web.3 {at(3003)}",
        "health": "/health 200",
        "switch": "web 3",
    }
    assert await machine.route_of("shop") == (3001, 3002, 3003)
    assert machine.supervisor.running == {f"pvdify-shop-web-v1-{number}" for number in (1, 2, 3)}
    await assert_consistent(machine)
    assert machine.unserved == []


async def test_fewer_instances_leave_the_route_first_and_stop_once_they_have_answered(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1, manifest={"processes": {"web": {"count": 3}}})
    machine.router.serve("shop", 1, Traffic(requests=1, in_flight=1), number=3)

    operation = await daemon.processes.scale("shop", {"web": RequestedCount(number=1)}, ACTOR)
    await machine.clock.sleep(5)

    assert await machine.route_of("shop") == (3001,)
    assert machine.supervisor.names == {"pvdify-shop-web-v1-1", "pvdify-shop-web-v1-3"}
    machine.router.serve("shop", 1, Traffic(in_flight=-1), number=3)
    await daemon.finish_operation(operation)
    assert machine.supervisor.names == {"pvdify-shop-web-v1-1"}
    await assert_consistent(machine)
    assert machine.unserved == []


async def test_a_request_that_does_not_end_holds_an_instance_until_drain_is_over(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1, manifest={"processes": {"web": {"count": 2}}, "drain": "7s"})
    machine.router.serve("shop", 1, Traffic(requests=1, in_flight=1), number=2)
    begun = machine.clock.monotonic()

    await daemon.scale(web=1)

    assert 7 <= machine.clock.monotonic() - begun < 9
    assert machine.supervisor.names == {"pvdify-shop-web-v1-1"}


async def test_scaling_with_an_unhealthy_new_instance_changes_nothing(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1)
    machine.supervisor.script(Behaviour(exit_code=3, exit_after=0.2, listens_after=5), process="web", number=2)

    operation = await daemon.scale(web=2)

    assert operation.state is OperationState.FAILED
    assert operation.error is not None
    assert operation.error.code == "probe-failed"
    assert await machine.route_of("shop") == (3001,)
    assert machine.supervisor.names == {"pvdify-shop-web-v1-1"}
    assert (await machine.store.scale("shop")).chosen == {}
    await assert_consistent(machine)


async def test_an_unused_new_instance_gets_its_grace_period_before_removal(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1)
    machine.supervisor.script(Behaviour(status=500), process="web", number=2)

    await daemon.scale(web=2)

    name = "pvdify-shop-web-v1-2"
    assert [verb for verb, of in machine.supervisor.calls if of == name][-2:] == ["stop", "remove"]


async def test_the_scale_survives_deploys_until_the_manifest_changes_it(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1, manifest=BOTH)
    await daemon.scale(web=3, worker=0)

    await daemon.deploy(image=V2, manifest=BOTH)
    assert len(await machine.route_of("shop")) == 3
    assert not any("worker" in name for name in machine.supervisor.running)

    await daemon.deploy(image=V2, manifest={"processes": {**BOTH["processes"], "web": {"count": 1}}})
    assert len(await machine.route_of("shop")) == 1
    assert not any("worker" in name for name in machine.supervisor.running)
    await assert_consistent(machine)


async def test_a_rollback_to_a_standby_slot_uses_the_current_scale(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1)
    await daemon.deploy(image=V2)
    await daemon.scale(web=3)

    await daemon.rollback()

    assert len(await machine.route_of("shop")) == 3
    running = {name for name in machine.supervisor.running if "-v1-" in name}
    assert running == {f"pvdify-shop-web-v1-{number}" for number in (1, 2, 3)}
    await daemon.finish_retirements()
    await assert_consistent(machine)
    assert machine.unserved == []


async def test_a_stopped_app_has_no_instance_left_on_standby(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1, manifest=BOTH)
    await daemon.deploy(image=V2, manifest=BOTH)
    before = {name for name in machine.supervisor.running if "-v1-" in name}
    began = machine.clock.monotonic()

    await daemon.finish_operation(await daemon.processes.set_stopped("shop", ACTOR, is_stopped=True))
    left, took = set(machine.supervisor.running), machine.clock.monotonic() - began
    await daemon.finish_operation(await daemon.processes.set_stopped("shop", ACTOR, is_stopped=False))

    assert before
    assert left == set()
    assert took < 15
    assert len(await machine.route_of("shop")) == 2
    assert (await daemon.rollback()).failure is None
    await assert_consistent(machine)


async def test_a_rollback_to_a_larger_slot_drops_the_surplus(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1)
    await daemon.scale(web=3)
    await daemon.deploy(image=V2)
    await daemon.scale(web=1)

    await daemon.rollback()

    await daemon.finish_retirements()
    await daemon.reconciler.reconcile()
    assert machine.supervisor.names == {"pvdify-shop-web-v1-1"}
    await assert_consistent(machine)


async def test_a_failed_rollback_leaves_the_standby_slot_as_it_was(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1)
    await daemon.deploy(image=V2)
    await daemon.scale(web=2)
    machine.supervisor.script(Behaviour(exit_code=1, exit_after=0.2, listens_after=9), slot=1, number=2)

    release = await daemon.rollback()

    assert release.failure is not None
    assert "pvdify-shop-web-v1-1" in machine.supervisor.running
    assert "pvdify-shop-web-v1-2" not in machine.supervisor.names
    await assert_consistent(machine)


async def test_relative_scales_add_up_while_queued(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1, manifest=BOTH)

    first = await daemon.processes.scale("shop", {"web": RequestedCount(number=1, how=Relative.MORE)}, ACTOR)
    second = await daemon.processes.scale("shop", {"web": RequestedCount(number=2, how=Relative.MORE)}, ACTOR)
    await daemon.finish_operation(first)
    await daemon.finish_operation(second)

    assert len(await machine.route_of("shop")) == 5
    await assert_consistent(machine)


async def test_every_problem_of_a_scale_is_reported_at_once(daemon: Daemon):
    await daemon.deploy(image=V1, manifest=BOTH)
    requested = {
        "wbe": RequestedCount(number=1),
        "worker": RequestedCount(number=2, how=Relative.LESS),
        "web": RequestedCount(number=101),
    }

    with pytest.raises(InvalidScale) as caught:
        await daemon.processes.scale("shop", requested, ACTOR)

    assert caught.value.details["problems"] == [
        'wbe: did you mean "web"?',
        "worker: would be -1 instances; from 0 to 100 are possible",
        "web: would be 101 instances; from 0 to 100 are possible",
    ]


MOST = {"max_app_instances": "6"}


async def ask_for_deploy(daemon: Daemon, image: str, manifest: dict[str, Any]) -> Release:
    """The release of a deploy that has not begun."""
    return await daemon.requests.deploy("shop", await read_deploy("shop", image=image, manifest=manifest), ACTOR)


async def test_no_app_gets_more_instances_than_the_server_allows_one():
    machine = Machine(**MOST)
    for image in (V1, V2):
        machine.registry.push(image)
    daemon = machine.daemon()

    with pytest.raises(InvalidScale, match=r"shop would have 7 instances \(web=2 worker=5\)"):
        await daemon.deploy(image=V1, manifest={"processes": {"web": {"count": 2}, "worker": {"count": 5}}})
    await daemon.deploy(image=V1, manifest=BOTH)
    with pytest.raises(InvalidScale) as caught:
        await daemon.processes.scale("shop", {"web": RequestedCount(number=6)}, ACTOR)
    await daemon.scale(web=5)
    with pytest.raises(InvalidScale):
        await daemon.deploy(image=V2, manifest={"processes": {"web": {"count": 2}, "worker": {"count": 2}}})

    assert caught.value.why == "an app has at most 6 on this server, all its processes together (`max_app_instances`)"
    assert len(machine.supervisor.running) == 6
    await assert_consistent(machine)
    await daemon.bury()


async def test_a_change_and_a_deploy_that_wait_together_do_not_exceed_the_limit():
    machine = Machine(**MOST)
    for image in (V1, V2):
        machine.registry.push(image)
    daemon = machine.daemon()
    await daemon.deploy(image=V1, manifest={"processes": {"web": {}}})

    deploy = await ask_for_deploy(daemon, V2, {"processes": {"web": {}, "worker": {"count": 5}}})
    scaling = await daemon.processes.scale("shop", {"web": RequestedCount(number=6)}, ACTOR)
    await daemon.finish("shop", deploy.version)
    failed = await daemon.finish_operation(scaling)

    assert failed.error is not None
    assert failed.error.what == "shop would have 11 instances (web=6 worker=5)"
    assert len([name for name in machine.supervisor.running if "-v2-" in name]) == 6
    await assert_consistent(machine)
    await daemon.bury()


async def test_with_a_lower_limit_an_app_keeps_what_it_has_and_gets_smaller():
    machine = Machine()
    machine.registry.push(V1)
    daemon = machine.daemon()
    await daemon.deploy(image=V1, manifest={"processes": {"web": {"count": 5}}})
    await daemon.bury()
    machine.settings = replace(machine.settings, max_app_instances=2)
    daemon = machine.daemon()

    done = await daemon.scale(web=4)
    restarted = await daemon.restart("shop")

    assert (done.state, restarted.state) == (OperationState.SUCCEEDED, OperationState.SUCCEEDED)
    assert len(machine.supervisor.running) == 4
    await daemon.bury()


async def test_a_process_that_a_deploy_removes_meanwhile_is_named(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1, manifest=BOTH)

    deploy = await ask_for_deploy(daemon, V2, {"processes": {"web": {}}})
    scaling = await daemon.processes.scale("shop", {"worker": RequestedCount(number=2)}, ACTOR)
    await daemon.processes.scale("shop", {"web": RequestedCount(number=2)}, ACTOR)
    await daemon.finish("shop", deploy.version)
    failed = await daemon.finish_operation(scaling)

    assert failed.error is not None
    assert failed.error.code == "invalid-scale"
    assert failed.error.what == "shop v2 has no process worker"
    await assert_consistent(machine)


async def test_an_app_without_a_release_cannot_be_scaled(daemon: Daemon):
    with pytest.raises(AppNotFound):
        await daemon.processes.scale("shop", {"web": RequestedCount(number=1)}, ACTOR)
    await daemon.requests.create_app("shop", ACTOR)
    with pytest.raises(NothingRuns):
        await daemon.processes.restart("shop", None, ACTOR)


async def test_a_restart_puts_new_instances_in_place_of_the_old_at_once(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1, manifest={"processes": {"web": {"count": 2}}})

    operation = await daemon.restart()

    assert operation.state is OperationState.SUCCEEDED
    assert await machine.route_of("shop") == (3003, 3004)
    assert machine.supervisor.running == {"pvdify-shop-web-v1-101", "pvdify-shop-web-v1-102"}
    await daemon.restart(process="web")
    assert machine.supervisor.running == {"pvdify-shop-web-v1-1", "pvdify-shop-web-v1-2"}
    await assert_consistent(machine)
    assert machine.unserved == []


async def test_a_failed_restart_keeps_the_old_instances(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1, manifest=BOTH)
    machine.supervisor.script(Behaviour(exit_code=1, exit_after=1.0), name="pvdify-shop-worker-v1-101")

    operation = await daemon.restart()

    assert operation.state is OperationState.FAILED
    assert operation.error is not None
    assert "worker.1 exited with code 1" in operation.error.what
    assert await machine.route_of("shop") == (3001, 3002)
    await assert_consistent(machine)
    assert machine.unserved == []


async def test_two_workers_never_run_at_once_while_they_are_restarted(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1, manifest=BOTH)

    await daemon.restart(process="worker")

    calls = [call for call in machine.supervisor.calls if "worker" in call[1]]
    assert calls.index(("stop", "pvdify-shop-worker-v1-1")) < calls.index(("start", "pvdify-shop-worker-v1-101"))
    assert "pvdify-shop-worker-v1-1" not in machine.supervisor.names
    await assert_consistent(machine)


async def test_a_worker_that_may_overlap_is_started_before_the_old_one_stops(machine: Machine, daemon: Daemon):
    manifest = {"processes": {"web": {}, "worker": {"command": ["worker"], "overlap": True}}}
    await daemon.deploy(image=V1, manifest=manifest)

    await daemon.restart(process="worker")

    calls = [call for call in machine.supervisor.calls if "worker" in call[1]]
    assert calls.index(("start", "pvdify-shop-worker-v1-101")) < calls.index(("stop", "pvdify-shop-worker-v1-1"))


async def test_a_stopped_app_stays_stopped_across_deploys_and_starts_as_it_was(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1, manifest=BOTH)
    await daemon.scale(worker=3)

    await daemon.finish_operation(await daemon.processes.set_stopped("shop", ACTOR, is_stopped=True))
    assert machine.supervisor.names == frozenset()
    await daemon.deploy(image=V2, manifest=BOTH)
    assert await machine.route_of("shop") == ()
    notes = [entry.text for entry in await machine.deploy_log.read("shop", 2)]
    assert any("shop is stopped" in text for text in notes)

    await daemon.finish_operation(await daemon.processes.set_stopped("shop", ACTOR, is_stopped=False))
    assert len(await machine.route_of("shop")) == 2
    assert sum("worker" in name for name in machine.supervisor.running) == 3
    await assert_consistent(machine)


async def test_surplus_instances_are_removed(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1)
    machine.supervisor.script(Behaviour(exit_code=1, exit_after=0.2, listens_after=9), number=2)
    for _ in range(4):
        machine.supervisor.fail_next("remove", RuntimeUnavailable("podman does not answer"))
    operation = await daemon.scale(web=2)
    assert operation.state is OperationState.NEEDS_ATTENTION

    await daemon.reconciler.reconcile()

    assert machine.supervisor.names == {"pvdify-shop-web-v1-1"}
    await assert_consistent(machine)


async def test_usage_and_last_exit_of_instances_are_shown(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1, manifest={"processes": {"web": {"count": 2}}, "resources": {"memory": "64M"}})
    machine.supervisor.crash("pvdify-shop-web-v1-2", is_out_of_memory=True)
    await daemon.reconciler.reconcile()

    (web,) = (await daemon.queries.processes.show("shop")).processes

    first, second = web.instances
    assert first.in_use is not None
    assert (first.in_use.memory, round(first.in_use.cpu, 3), first.last_end) == (32 * 1024**2, 0.25, "")
    assert first.limits is not None
    assert first.limits.memory == 64 * 1024**2
    assert second.last_end.startswith("was killed: it used more memory than its limit at 2026-")


async def numbers(daemon: Daemon) -> dict[str, list[int]]:
    views = (await daemon.queries.processes.show("shop")).processes
    return {view.name: [item.place.number for item in view.instances] for view in views}


async def test_a_restart_keeps_the_numbers(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1, manifest=BOTH)
    await daemon.scale(web=3)

    for _ in range(3):
        operation = await daemon.restart()

        assert operation.state is OperationState.SUCCEEDED
        assert await numbers(daemon) == {"web": [1, 2, 3], "worker": [1]}
        await assert_consistent(machine)
    specs = [machine.supervisor.spec(name) for name in machine.supervisor.running]
    environments = {str(spec.environment["PVDIFY_INSTANCE"]) for spec in specs}
    assert environments == {"web.1", "web.2", "web.3", "worker.1"}
    assert machine.unserved == []


async def test_a_restart_keeps_the_numbers_when_the_daemon_dies_in_it(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1, manifest={"processes": {"web": {"count": 2}}})
    await daemon.processes.restart("shop", None, ACTOR)
    await machine.clock.sleep(0.2)
    await daemon.bury()
    successor = machine.daemon()
    await successor.recover()

    assert await numbers(successor) == {"web": [1, 2]}
    await assert_consistent(machine)
    await successor.bury()


async def test_scaling_after_a_restart_counts_on(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1, manifest={"processes": {"web": {"count": 2}}})
    await daemon.restart()
    await daemon.scale(web=3)
    await daemon.restart()
    await daemon.scale(web=1)

    assert await numbers(daemon) == {"web": [1]}
    await assert_consistent(machine)
    assert machine.unserved == []


async def test_requests_in_flight_to_the_old_instance_are_not_counted_for_the_new_one(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1, manifest={"drain": "30s"})
    begun = machine.clock.monotonic()
    operation = await daemon.processes.restart("shop", None, ACTOR)
    await machine.clock.sleep(0.5)
    machine.router.serve("shop", 1, Traffic(requests=9, in_flight=9), number=101)

    await daemon.finish_operation(operation)

    assert machine.clock.monotonic() - begun < 15


async def test_the_number_of_queued_changes_per_app_is_limited(machine: Machine, daemon: Daemon):
    machine.registry.push("reg.example.com/blog:v1")
    await daemon.deploy(image=V1)
    await daemon.deploy("blog", "reg.example.com/blog:v1")
    accepted = [await daemon.processes.restart("shop", None, ACTOR) for _ in range(MOST_WAITING)]

    for ask in (
        lambda: daemon.processes.restart("shop", "web", ACTOR),
        lambda: daemon.processes.scale("shop", {"web": RequestedCount(number=2)}, ACTOR),
        lambda: daemon.processes.set_stopped("shop", ACTOR, is_stopped=True),
    ):
        with pytest.raises(AppBusy, match="changes of its processes wait already"):
            await ask()

    await daemon.restart("blog")
    done = [await daemon.finish_operation(operation) for operation in accepted]
    assert {operation.state for operation in done} == {OperationState.SUCCEEDED}
    assert (await daemon.restart("shop")).state is OperationState.SUCCEEDED
