"""Probes the instances of the candidate slot until they answer, or reports why an instance did not."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

from pvdify.engine.deploys.diagnosis import probe_failure
from pvdify.engine.deploys.plan import step
from pvdify.engine.deploys.step_run import StepRun
from pvdify.engine.deploys.steps.images import is_pinned_late, pin
from pvdify.engine.deploys.steps.start import web_places
from pvdify.engine.world.concurrency import settle
from pvdify.model.instance import Exit
from pvdify.model.probe import DEFAULT_PATH, Answer, ProbeResult, is_healthy
from pvdify.model.slot import Placement
from pvdify.timing import first_of

ResultT = TypeVar("ResultT")
SHORT_PAUSE = 0.005  # seconds between two probes while nothing listens, which the kernel answers without the app
SHORT_FOR = 1.0  # seconds after which the pauses grow although nothing listens
FIRST_PAUSE = 0.05  # seconds between the first two probes of an app that listens and is not healthy yet
LONGEST_PAUSE = 1.0  # seconds
GROWTH = 1.5  # factor between two pauses


@step()
async def health(run: StepRun) -> str | None:
    """Wait until each web instance of the candidate slot has answered its probe; meanwhile, pin the release's image."""
    slot = await run.candidate()
    is_new = slot is not None and slot.number == run.release.version
    has_pin = not is_new or not await is_pinned_late(run)
    probing = probed(run, web_places(slot) if slot else ())
    if has_pin:
        return await probing
    text, _ = await settle(probing, pin(run))
    return text


async def probed(run: StepRun, places: Sequence[Placement]) -> str | None:
    """Wait until each of these instances answers its probe. Return path and status of the first as text, or None.

    Raises ProbeFailed, DeployCanceled.
    """
    answers = await _first_failure(*(_until_healthy(run, place) for place in places))
    if not answers:
        return None
    answer = answers[0]
    path = run.manifest.healthcheck.path or DEFAULT_PATH
    if answer.status == 404:
        await run.note(f"nothing is at {path}; any answer counts. Set healthcheck.path to have a page asked for")
    return f"{path} {answer.status}"


async def _until_healthy(run: StepRun, place: Placement) -> ProbeResult:
    """Probe until the instance is healthy, has exited or is out of time. Raises ProbeFailed.

    The pauses grow, except in the first second while nothing listens yet. An instance that the step before found
    healthy is not probed again.
    """
    clock, check, pause = run.world.clock, run.manifest.healthcheck, 0.0
    begun = clock.monotonic()
    deadline = begun + check.seconds + check.settle
    result, found = ProbeResult(answer=Answer.REFUSED), run.found_healthy.pop(place.name, None)
    exited = asyncio.create_task(run.world.instances.wait(place.name))
    try:
        while clock.monotonic() < deadline and not exited.done():
            run.check_canceled()
            await _unless(exited, clock.sleep(pause))
            result = found or await _unless(exited, run.tools.probes.ask(run.app, check, place)) or result
            found = None
            if is_healthy(check, result) and not exited.done():
                result = await _settled(run, place, exited, result)
                if is_healthy(check, result) and not exited.done():
                    run.world.down.discard(place)
                    return result
            pause = _next_pause(pause, result, clock.monotonic() - begun, check.interval)
        raise await probe_failure(run, place, result, exited.result() if exited.done() else None)
    finally:
        exited.cancel()


def _next_pause(pause: float, result: ProbeResult, passed: float, interval: float) -> float:
    if result.answer is Answer.REFUSED and passed < SHORT_FOR:
        return min(SHORT_PAUSE, interval)
    return min(max(pause * GROWTH, FIRST_PAUSE), interval, LONGEST_PAUSE)


async def _settled(run: StepRun, place: Placement, exited: "asyncio.Task[Exit]", first: ProbeResult) -> ProbeResult:
    """Wait for ``healthcheck.settle`` and probe again; return the new answer, or the first one without ``settle``."""
    check, clock = run.manifest.healthcheck, run.world.clock
    if not check.settle:
        return first
    until = clock.monotonic() + check.settle
    while (left := until - clock.monotonic()) > 0 and not exited.done():
        run.check_canceled()
        await _unless(exited, clock.sleep(min(left, 1.0)))
    return await _unless(exited, run.tools.probes.ask(run.app, check, place)) or first


async def _unless(exited: "asyncio.Task[Exit]", work: Coroutine[Any, Any, ResultT]) -> ResultT | None:
    """Return the result of the work, or None as soon as the instance exits: no probe of it would succeed then."""
    given, _ = await first_of(work, exited)
    return given


async def _first_failure(*probes: Coroutine[Any, Any, ProbeResult]) -> list[ProbeResult]:
    """Wait for all answers and return them. The first failure cancels the other probes and is raised."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(probe) for probe in probes]
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return [task.result() for task in tasks]
