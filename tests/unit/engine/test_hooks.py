"""Hooks: when they run, with which environment, how often, and how they affect the deploy."""

from typing import Any

import pytest

from pvdify.model.deploy_log import EntryKind
from pvdify.model.release import ReleaseStatus
from tests.fakes.behaviour import Behaviour
from tests.fakes.machine import ACTOR, Daemon, Machine, assert_consistent
from tests.support.wanted import deploy_request

V1, V2 = "reg.example.com/shop:v1", "reg.example.com/shop:v2"
HOOKS: dict[str, Any] = {"hooks": {"pre_deploy": [["migrate"]], "post_deploy": [["warm"]], "on_failure": [["tell"]]}}
ENDS_WELL = Behaviour(exit_code=0, exit_after=1.0)


@pytest.fixture
async def machine():
    machine = Machine()
    machine.registry.push(V1)
    machine.registry.push(V2)
    for moment in ("pre_deploy", "post_deploy", "on_failure"):
        machine.supervisor.script(ENDS_WELL, process=moment)
    return machine


@pytest.fixture
async def daemon(machine: Machine):
    daemon = machine.daemon()
    yield daemon
    await daemon.bury()


def hooks_run(machine: Machine) -> list[str]:
    return [spec.process for spec in machine.supervisor.started if spec.process.endswith(("_deploy", "_failure"))]


async def output(machine: Machine, version: int) -> list[str]:
    entries = await machine.deploy_log.read("shop", version)
    return [entry.text for entry in entries if entry.kind in (EntryKind.OUTPUT, EntryKind.NOTE)]


async def test_each_hook_runs_once_with_its_environment(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1)

    release = await daemon.deploy(image=V2, manifest=HOOKS)

    assert release.failure is None
    assert hooks_run(machine) == ["pre_deploy", "post_deploy"]
    environment = next(it for it in machine.supervisor.started if it.process == "pre_deploy").environment
    assert environment == {
        "PORT": "8080", "PVDIFY_APP": "shop", "PVDIFY_RELEASE": "2", "PVDIFY_PROCESS": "pre_deploy",
        "PVDIFY_INSTANCE": "pre_deploy.1", "PVDIFY_IMAGE": V2, "PVDIFY_PREVIOUS_RELEASE": "1",
        "PVDIFY_APP_URL": "https://shop.example.com", "PVDIFY_URL": "https://shop.example.com",
    }  # fmt: skip
    await assert_consistent(machine)


async def test_pre_deploy_ends_before_the_release_serves(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1, manifest={**HOOKS, "processes": {"web": {}, "worker": {"command": ["work"]}}})

    assert [spec.process for spec in machine.supervisor.started] == ["pre_deploy", "web", "worker", "post_deploy"]


async def test_a_second_hook_is_not_run_when_the_first_has_failed(machine: Machine, daemon: Daemon):
    machine.supervisor.script(Behaviour(exit_code=4), command=("one",))

    release = await daemon.deploy(image=V1, manifest={"hooks": {"pre_deploy": [["one"], ["two"]]}})

    assert release.failure is not None
    assert release.failure.what == "shop v1: the pre_deploy hook `one` exited with code 4"
    assert machine.supervisor.executions(("two",)) == 0


async def test_a_hook_over_its_time_limit_is_stopped_with_its_grace_period_and_fails(machine, daemon):
    machine.supervisor.script(Behaviour(lines=("waiting for a lock",), stop_seconds=4), process="pre_deploy")
    begun = machine.clock.monotonic()

    release = await daemon.deploy(image=V1, manifest={"hooks": {"pre_deploy": [["migrate"]], "timeout": "30s"}})

    assert release.failure is not None
    assert "did not end within 30 s (`hooks.timeout`) and was stopped" in release.failure.what
    assert "waiting for a lock" in release.failure.why
    assert 34 <= machine.clock.monotonic() - begun < 36
    assert machine.supervisor.names == frozenset()


async def test_the_time_limit_of_a_hook_continues_after_a_restart_of_the_daemon(machine: Machine, daemon: Daemon):
    machine.supervisor.script(Behaviour(), process="pre_deploy")
    wanted = deploy_request(image=V1, manifest={"hooks": {"pre_deploy": [["migrate"]], "timeout": "60s"}})
    await daemon.requests.deploy("shop", wanted, ACTOR)
    await machine.clock.sleep(40)
    await daemon.bury()
    successor = machine.daemon()

    await successor.worker.resume()
    release = await successor.finish("shop", 1)

    assert release.status is ReleaseStatus.FAILED
    assert 60 <= machine.clock.monotonic() < 65
    assert machine.supervisor.executions(("migrate",)) == 1
    await successor.bury()


async def test_canceling_a_deploy_during_a_hook_gives_the_hook_its_grace_period(machine: Machine, daemon: Daemon):
    machine.supervisor.script(Behaviour(stop_seconds=4), process="pre_deploy")
    await daemon.requests.deploy("shop", deploy_request(image=V1, manifest=HOOKS), ACTOR)
    await machine.clock.sleep(5)

    await daemon.requests.cancel("shop", 1, ACTOR)
    release = await daemon.finish("shop", 1)

    assert release.status is ReleaseStatus.CANCELED
    assert 9 <= machine.clock.monotonic() < 11
    assert hooks_run(machine) == ["pre_deploy"]
    assert machine.supervisor.names == frozenset()


async def test_a_failing_post_deploy_marks_the_release_and_leaves_it_live(machine: Machine, daemon: Daemon):
    machine.supervisor.script(Behaviour(exit_code=1, lines=("no cache",)), process="post_deploy")

    release = await daemon.deploy(image=V1, manifest=HOOKS)

    assert (release.status, release.failure and release.failure.code) == (ReleaseStatus.ACTIVE, "hook-failed")
    assert release.failure is not None
    assert "v1 is live and stays live" in release.failure.next
    assert hooks_run(machine) == ["pre_deploy", "post_deploy"]
    await assert_consistent(machine)


async def test_on_failure_runs_once_after_the_previous_state_is_restored(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1)
    machine.supervisor.script(Behaviour(exit_code=3, listens_after=9), slot=2, process="web")
    machine.supervisor.script(Behaviour(exit_code=0, exit_after=1.0, lines=("reported",)), process="on_failure")

    release = await daemon.deploy(image=V2, manifest=HOOKS)

    assert release.failure is not None
    assert release.failure.code == "probe-failed"
    reported = next(spec for spec in machine.supervisor.started if spec.process == "on_failure")
    assert (reported.environment["PVDIFY_FAILURE"], reported.environment["PVDIFY_FAILED_STEP"]) == (
        "probe-failed",
        "health",
    )
    assert reported.image_id == release.image_id
    assert hooks_run(machine) == ["pre_deploy", "on_failure"]
    assert await output(machine, 2) == ["reported", "on_failure: tell"]
    await assert_consistent(machine)


async def test_a_failing_on_failure_hook_changes_nothing_of_the_outcome(machine: Machine, daemon: Daemon):
    machine.supervisor.script(Behaviour(exit_code=5), process="pre_deploy")
    machine.supervisor.script(Behaviour(exit_code=6, lines=("no receiver",)), process="on_failure")

    release = await daemon.deploy(image=V1, manifest=HOOKS)

    assert release.status is ReleaseStatus.FAILED
    assert release.failure is not None
    assert "pre_deploy" in release.failure.what
    (note,) = [line for line in await output(machine, 1) if line.startswith("on_failure")]
    assert "the on_failure hook `tell` exited with code 6" in note
    assert "no receiver" in note
    assert machine.supervisor.executions(("tell",)) == 1
    assert machine.supervisor.names == frozenset()


async def test_on_failure_does_not_run_without_an_image(machine: Machine, daemon: Daemon):
    machine.registry.offline.add("reg.example.com")

    await daemon.deploy(image=V1, manifest=HOOKS)

    assert hooks_run(machine) == []


async def test_a_rollback_runs_no_hooks(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1, manifest=HOOKS)
    await daemon.deploy(image=V2, manifest={})

    await daemon.rollback()

    assert hooks_run(machine) == ["pre_deploy", "post_deploy"]
