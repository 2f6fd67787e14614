"""Probing candidates until they answer, and saying exactly why one does not."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from pvdify.engine.diagnosis import probe_failure
from pvdify.engine.plan import step
from pvdify.engine.step_run import StepRun
from pvdify.engine.steps.start import web_places
from pvdify.model.instance import Exit
from pvdify.model.probe import DEFAULT_PATH, Answer, ProbeResult, is_healthy
from pvdify.model.slot import Placement

FIRST_PAUSE = 0.05
GROWTH = 1.5


@step()
async def health(run: StepRun) -> str | None:
    """Each web instance of the candidate slot has answered its probe."""
    slot = await run.candidate()
    places = web_places(slot) if slot else ()
    if not places:
        return None
    # Instances taken over from standby have been up for long: no pause before the first probe.
    pause = FIRST_PAUSE if slot and slot.number == run.release.version else 0.0
    answer = (await _first_failure(*(_until_healthy(run, place, pause) for place in places)))[0]
    path = run.manifest.healthcheck.path or DEFAULT_PATH
    if answer.status == 404:
        await run.note(f"nothing is at {path}; any answer counts. Set healthcheck.path to have a page asked for")
    return f"{path} {answer.status}"


async def _until_healthy(run: StepRun, place: Placement, pause: float) -> ProbeResult:
    """Probe, first quickly and then ever slower, until healthy, exited or out of time. Raises ProbeFailed."""
    clock, check = run.world.clock, run.manifest.healthcheck
    deadline = clock.monotonic() + check.interval * check.retries
    result = ProbeResult(answer=Answer.REFUSED)
    exited = asyncio.create_task(run.world.supervisor.wait(place.name))
    try:
        while clock.monotonic() < deadline:
            run.check_canceled()
            if await _sleep_or_exit(run, pause, exited):
                raise await probe_failure(run, place, result, exited.result())
            result = await run.world.prober.probe(
                place.host_port or 0, check.path or DEFAULT_PATH, timeout=check.timeout
            )
            if is_healthy(check, result):
                return result
            pause = min(max(pause, FIRST_PAUSE) * GROWTH, check.interval)
        raise await probe_failure(run, place, result, None)
    finally:
        exited.cancel()


async def _first_failure(*probes: Coroutine[Any, Any, ProbeResult]) -> list[ProbeResult]:
    """All answers; the first instance that fails ends the waiting for the others."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(probe) for probe in probes]
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return [task.result() for task in tasks]


async def _sleep_or_exit(run: StepRun, seconds: float, exited: "asyncio.Task[Exit]") -> bool:
    """Wait, but not after the instance has exited; whether it has."""
    pause = asyncio.create_task(run.world.clock.sleep(seconds))
    try:
        await asyncio.wait({pause, exited}, return_when=asyncio.FIRST_COMPLETED)
        return exited.done()
    finally:
        pause.cancel()
