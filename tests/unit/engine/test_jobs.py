"""Scheduled jobs: each due time runs once, or is recorded as skipped with its cause."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from pvdify.errors import JobNotFound, JobRunning, NothingRuns
from pvdify.model.job import JobRun
from tests.fakes.behaviour import Behaviour
from tests.fakes.machine import ACTOR, Daemon, Killed, Machine, assert_consistent

V1, V2 = "reg.example.com/shop:v1", "reg.example.com/shop:v2"
HOUR, DAY = 3600.0, 86400.0


def jobs(**parts: Any) -> dict[str, Any]:
    return {"jobs": {"report": {"schedule": "0 * * * *", "command": "npm run report", **parts}}}


@pytest.fixture
def machine() -> Machine:
    machine = Machine(standby="60s")
    for image in (V1, V2):
        machine.registry.push(image, content=image)
    machine.supervisor.script(Behaviour(exit_code=0, exit_after=10, lines=("made it",)), process="report")
    return machine


@pytest.fixture
def daemon(machine: Machine) -> Daemon:
    return machine.daemon()


@asynccontextmanager
async def scheduling(daemon: Daemon) -> AsyncIterator[None]:
    """Run the scheduler, and stop it at the end without its containers, as a kill of the daemon does."""
    task = asyncio.create_task(daemon.scheduler.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError, Killed):
            await task


async def runs_of(machine: Machine, app: str = "shop") -> list[JobRun]:
    return sorted(await machine.store.job_runs(app, limit=1000), key=lambda run: run.number)


async def shown(machine: Machine) -> list[tuple[str, str]]:
    """Return the hour and outcome of each run; START is 12:00."""
    return [(f"{run.due_at:%H:%M}" if run.due_at else "asked", run.state.value) for run in await runs_of(machine)]


async def actions(machine: Machine) -> list[str]:
    return [it.action for it in reversed(await machine.store.events("shop", 1000)) if it.action.startswith("job.")]


async def test_each_due_time_runs_once_with_release_config_and_output_on_record(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1, manifest=jobs())
    async with scheduling(daemon):
        await machine.clock.sleep(2.5 * HOUR)

    assert await shown(machine) == [("13:00", "succeeded"), ("14:00", "succeeded")]
    first = (await runs_of(machine))[0]
    assert (first.release, first.exit_code, first.seconds, first.cause) == (1, 0, 10.0, "")
    spec = next(it for it in machine.supervisor.started if it.process == "report")
    assert (spec.command, spec.environment["PVDIFY_JOB"]) == ("npm run report", "report")
    assert [line.text for line in await daemon.jobs.output(first, 0)] == ["made it"]
    assert "pvdify-shop-report-job-1" not in machine.supervisor.names
    assert await actions(machine) == ["job.succeeded"] * 2


@pytest.mark.parametrize(
    ("overlap", "ends"),
    [
        ("skip", ["succeeded", "skipped", "running"]),
        ("queue", ["succeeded", "succeeded", "running"]),
        ("allow", ["succeeded", "succeeded", "running"]),
    ],
)
async def test_overlap_decides_what_a_due_time_does_during_a_run(
    machine: Machine, daemon: Daemon, overlap: str, ends: list[str]
):
    machine.supervisor.script(Behaviour(exit_code=0, exit_after=75), process="report")
    await daemon.deploy(image=V1, manifest=jobs(overlap=overlap, schedule="* * * * *", timeout="2m", catch_up="3m"))
    async with scheduling(daemon):
        await machine.clock.sleep(3.6 * 60)
        found = await runs_of(machine)
    started = [run.started_at for run in found if run.started_at]

    assert [run.state.value for run in found][:3] == ends
    if overlap == "queue":
        assert found[1].started_at == found[0].ended_at
    if overlap == "allow":
        assert [f"{at:%M}" for at in started] == ["01", "02", "03"]
    if overlap == "skip":
        assert found[1].cause == "run 1 had not ended"


async def test_a_run_that_takes_too_long_is_stopped_and_has_failed(machine: Machine, daemon: Daemon):
    machine.supervisor.script(Behaviour(stop_code=0), process="report")
    await daemon.deploy(image=V1, manifest=jobs(timeout="5m"))
    async with scheduling(daemon):
        await machine.clock.sleep(1.2 * HOUR)

    (run,) = await runs_of(machine)
    assert (run.state.value, run.cause) == ("failed", "did not end within 5m (`timeout`) and was stopped")
    assert run.seconds == pytest.approx(300, abs=1)
    assert machine.supervisor.running == {"pvdify-shop-web-v1-1"}


@pytest.mark.parametrize(
    ("behaviour", "cause", "code"),
    [
        (Behaviour(exit_code=3, exit_after=1), "exited with code 3", 3),
        (Behaviour(exit_code=137, exit_after=1, is_out_of_memory=True),
         "was killed: it used more memory than its limit", 137),
        (Behaviour(refuse="no such program"), "no such program", None),
    ],
)  # fmt: skip
async def test_a_failure_is_on_record_with_its_cause(
    machine: Machine, daemon: Daemon, behaviour: Behaviour, cause: str, code: int | None
):
    machine.supervisor.script(behaviour, process="report")
    await daemon.deploy(image=V1, manifest=jobs())
    async with scheduling(daemon):
        await machine.clock.sleep(1.1 * HOUR)

    (run,) = await runs_of(machine)
    assert (run.state.value, run.cause, run.exit_code) == ("failed", cause, code)
    assert run.is_out_of_memory is behaviour.is_out_of_memory
    assert await actions(machine) == ["job.failed"]


@pytest.mark.slow
@pytest.mark.parametrize("kill_at", range(1, 9))
async def test_a_kill_at_any_write_of_a_run_loses_and_repeats_no_run(machine: Machine, kill_at: int):
    machine.supervisor.script(Behaviour(exit_code=0, exit_after=10, lines=("made it",)), process="report")
    first = machine.daemon()
    await first.deploy(image=V1, manifest=jobs())
    await first.scheduler.advance_all()
    await first.bury()
    doomed = machine.daemon(kill_at=kill_at)
    async with scheduling(doomed):
        await machine.clock.sleep(HOUR + 5)
    await doomed.bury()
    next_one = machine.daemon()
    async with scheduling(next_one):
        await next_one.recover()
        await machine.clock.sleep(60)

    assert [(at, end) for at, end in await shown(machine) if at == "13:00"] == [("13:00", "succeeded")]
    assert machine.supervisor.executions("npm run report") == 1
    (run,) = await runs_of(machine)
    assert [line.text for line in await next_one.jobs.output(run, 0)] == ["made it"]
    await assert_consistent(machine)


async def test_a_run_that_the_reboot_ended_is_interrupted_and_not_repeated(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1, manifest=jobs())
    async with scheduling(daemon):
        await machine.clock.sleep(HOUR + 3)
    await daemon.bury()
    machine.supervisor.reboot()
    async with scheduling(machine.daemon()):
        await machine.clock.sleep(60)

    (run,) = await runs_of(machine)
    assert (run.state.value, run.cause) == ("interrupted", "the server went down while it ran")
    assert machine.supervisor.executions("npm run report") == 1


async def test_after_a_long_downtime_only_the_newest_due_time_runs(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1, manifest=jobs(catch_up="2h"))
    async with scheduling(daemon):
        await machine.clock.sleep(60)
    await daemon.bury()
    machine.clock.jump(5.5 * HOUR)
    async with scheduling(machine.daemon()):
        await machine.clock.sleep(60)
    found = await runs_of(machine)

    assert [(run.state.value, run.due_count) for run in found] == [("missed", 3), ("skipped", 1), ("succeeded", 1)]
    assert (f"{found[0].due_at:%H}", f"{found[0].last_due_at:%H}") == ("13", "15")
    assert found[0].cause == "pvdify did not run at that time"
    assert await actions(machine) == ["job.missed", "job.skipped", "job.succeeded"]


async def test_a_clock_set_forward_skips_due_times_with_a_cause_and_a_clock_set_back_repeats_none(
    machine: Machine, daemon: Daemon
):
    await daemon.deploy(image=V1, manifest=jobs(catch_up="0"))
    async with scheduling(daemon):
        await machine.clock.sleep(1.5 * HOUR)
        machine.clock.set_by(2 * HOUR)  # 13:30 -> 15:30
        await machine.clock.sleep(0.6 * HOUR)
        machine.clock.set_by(-4 * HOUR)  # 16:06 -> 12:06
        await machine.clock.sleep(2 * HOUR)

    found = [(it.state.value, f"{it.due_at:%H}") for it in await runs_of(machine)]
    assert found == [("succeeded", "13"), ("missed", "14"), ("succeeded", "16"), ("succeeded", "14")]
    assert (await runs_of(machine))[1].cause == "the clock was set forward by 7200 s"


async def test_due_times_before_a_release_that_changes_a_job_are_kept(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1, manifest=jobs())
    async with scheduling(daemon):
        await machine.clock.sleep(60)
    machine.clock.jump(HOUR)  # 13:01: due, and the scheduler has not run yet
    await daemon.deploy(image=V2, manifest=jobs(schedule="30 * * * *"))
    async with scheduling(daemon):
        await machine.clock.sleep(HOUR)
        await daemon.deploy(image=V2, manifest={})
        await machine.clock.sleep(HOUR)

    assert await shown(machine) == [("13:00", "succeeded"), ("13:30", "succeeded")]
    assert [run.release for run in await runs_of(machine)] == [2, 2]


async def test_pause_and_stop_skip_with_one_record_and_one_event_each(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1, manifest=jobs())
    async with scheduling(daemon):
        await machine.clock.sleep(1)
        await daemon.jobs.pause("shop", "report", ACTOR)
        await machine.clock.sleep(3.5 * HOUR)
        await daemon.jobs.resume("shop", "report", ACTOR)
        await daemon.finish_operation(await daemon.processes.set_stopped("shop", ACTOR, is_stopped=True))
        await machine.clock.sleep(2 * HOUR)
        await daemon.finish_operation(await daemon.processes.set_stopped("shop", ACTOR, is_stopped=False))
        await machine.clock.sleep(HOUR)
    found = [(it.state.value, it.due_count, it.cause) for it in await runs_of(machine)]

    assert found == [
        ("skipped", 3, "the job was paused by ci"),
        ("skipped", 2, "the app was stopped by ci"),
        ("succeeded", 1, ""),
    ]
    assert await actions(machine) == ["job.paused", "job.skipped", "job.resumed", "job.skipped", "job.succeeded"]


async def test_a_job_can_be_run_manually(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1, manifest=jobs())
    async with scheduling(daemon):
        run = await daemon.jobs.run("shop", "report", ACTOR)
        with pytest.raises(JobRunning):
            await daemon.jobs.run("shop", "report", ACTOR)
        await machine.clock.sleep(30)

    assert (run.number, run.due_at, run.created_by) == (1, None, "ci")
    assert await shown(machine) == [("asked", "succeeded")]
    with pytest.raises(JobNotFound):
        await daemon.jobs.run("shop", "other", ACTOR)
    await daemon.finish_operation(await daemon.processes.set_stopped("shop", ACTOR, is_stopped=True))
    with pytest.raises(NothingRuns):
        await daemon.jobs.run("shop", "report", ACTOR)


@pytest.mark.parametrize(("asks", "count"), [(False, 0), (True, 1)])
async def test_previews_run_jobs_only_if_asked_to(machine: Machine, daemon: Daemon, asks: bool, count: int):
    await daemon.deploy("shop-pr-7", V1, manifest=jobs() | {"previews": {"jobs": asks}})
    async with scheduling(daemon):
        await machine.clock.sleep(1.2 * HOUR)

    assert len(await runs_of(machine, "shop-pr-7")) == count


async def test_a_job_that_has_not_succeeded_for_too_long_is_reported_once(machine: Machine, daemon: Daemon):
    machine.supervisor.script(Behaviour(exit_code=1, exit_after=1), process="report", starts=4)
    await daemon.deploy(image=V1, manifest=jobs(catch_up="30m", timeout="30m"))
    async with scheduling(daemon):
        await machine.clock.sleep(3.9 * HOUR)
        overdue = await daemon.jobs.overdue()
        await machine.clock.sleep(2 * HOUR)

    assert overdue == {"shop": ("report",)}
    assert await daemon.jobs.overdue() == {}
    assert (await actions(machine)).count("job.overdue") == 1


async def test_a_handover_waits_for_a_run_with_the_volume_then_stops_it(machine: Machine, daemon: Daemon):
    machine.supervisor.script(Behaviour(), process="report")
    manifest = jobs(timeout="2h") | {"volumes": {"data": {"path": "/data"}}}
    await daemon.deploy(image=V1, manifest=manifest)
    async with scheduling(daemon):
        await machine.clock.sleep(HOUR + 5)
        before = machine.clock.monotonic()
        await daemon.deploy(image=V2, manifest=manifest)
        took = machine.clock.monotonic() - before
        await machine.clock.sleep(5)

    (run,) = await runs_of(machine)
    assert (run.state.value, run.cause) == ("interrupted", "v2 took over the volumes of v1")
    assert 15 <= took < 25
    assert {len(slots) for used in machine.supervisor.shared_by.values() for slots in used} == {1}
    assert next(it for it in machine.supervisor.made if it.process == "report").mounts[0].path == "/data"


async def test_no_run_starts_during_a_handover_and_it_starts_with_the_new_release(machine: Machine, daemon: Daemon):
    machine.supervisor.script(Behaviour(healthy_after=20), process="web")
    manifest = jobs() | {"volumes": {"data": {"path": "/data"}}}
    await daemon.deploy(image=V1, manifest=manifest)
    async with scheduling(daemon):
        await machine.clock.sleep(HOUR - 10 - (machine.clock.monotonic() % HOUR))
        await daemon.deploy(image=V2, manifest=manifest)
        await machine.clock.sleep(30)

    (run,) = await runs_of(machine)
    assert (run.state.value, run.release) == ("succeeded", 2)
    assert {len(slots) for used in machine.supervisor.shared_by.values() for slots in used} == {1}


async def test_a_blue_green_deploy_waits_for_a_run_of_the_old_release(machine: Machine, daemon: Daemon):
    machine.supervisor.script(Behaviour(exit_code=0, exit_after=600), process="report")
    await daemon.deploy(image=V1, manifest=jobs())
    async with scheduling(daemon):
        await machine.clock.sleep(HOUR + 5)
        await daemon.deploy(image=V2)
        for _ in range(20):
            await daemon.reconciler.reconcile()
            await machine.clock.sleep(35)

    assert [(run.state.value, run.release) for run in await runs_of(machine)] == [("succeeded", 1)]
    await daemon.bury()


async def test_an_app_is_destroyed_with_its_jobs(machine: Machine, daemon: Daemon):
    machine.supervisor.script(Behaviour(), process="report")
    await daemon.deploy(image=V1, manifest=jobs())
    async with scheduling(daemon):
        await machine.clock.sleep(HOUR + 5)
        await daemon.requests.destroy_app("shop", "shop", ACTOR)
        await machine.clock.sleep(60)

    assert machine.supervisor.names == frozenset()
    assert (await machine.store.job_runs("shop"), await machine.store.job_records("shop")) == ((), ())
