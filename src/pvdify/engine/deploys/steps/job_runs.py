"""Ends runs of scheduled jobs before another release takes over the volumes that they use."""

from dataclasses import replace

from pvdify.engine.deploys.step_run import StepRun
from pvdify.engine.world.concurrency import settle
from pvdify.model.job import JobRun, RunState
from pvdify.model.names import job_name
from pvdify.model.operation import Strategy
from pvdify.model.release import Release

PAUSE = 0.1  # seconds between two checks whether the runs have ended


async def end_job_runs(run: StepRun, release: Release) -> None:
    """End the app's job runs if the live release has a volume that only one release may use, or volumes are copied.

    Wait half of ``hold`` for the runs to end, then stop them and record them as interrupted. The live release serves
    visitors meanwhile. No run starts during a hand-over.
    """
    is_exclusive = any(volume.is_exclusive for volume in release.volumes.values())
    if not is_exclusive and run.operation.strategy is not Strategy.MOVE:
        return
    clock = run.world.clock
    deadline = clock.monotonic() + release.manifest.hold / 2
    while await _running(run) and clock.monotonic() < deadline:
        await clock.sleep(PAUSE)
    async with run.world.locks.instances(run.app), run.world.locks.jobs(run.app):
        left = await _running(run)
        why = f"v{run.release.version} took over the volumes of v{release.version}"
        if left:
            await run.world.store.save(*(replace(it, interrupted_by=why) for it in left))
    names = [job_name(it.app, it.job, it.number) for it in left]
    await settle(*(run.world.instances.stop(name, release.manifest.stop_timeout) for name in names))


async def _running(run: StepRun) -> list[JobRun]:
    return [it for it in await run.world.store.unsettled_job_runs(run.app) if it.state is RunState.RUNNING]
