"""Starts the candidate slot, or takes over a slot from standby."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from pvdify.engine.deploys.plan import step
from pvdify.engine.deploys.step_run import StepRun
from pvdify.engine.deploys.steps.images import bring_back
from pvdify.engine.running.specs import instance_spec, next_numbers, placements_of
from pvdify.engine.world.concurrency import settle
from pvdify.engine.world.runtimes import runtime_of
from pvdify.errors import StartFailed
from pvdify.model.endpoint import NO_ROUTE
from pvdify.model.instance import InstanceSpec
from pvdify.model.names import WEB
from pvdify.model.probe import ProbeResult, is_healthy
from pvdify.model.release import Release
from pvdify.model.slot import Phase, Placement, Slot, SlotState, other_colour


async def remove_candidate(run: StepRun) -> None:
    """Stop and remove the candidate slot's instances; a slot that was taken over becomes STANDBY again."""
    slot = await run.candidate()
    if slot is None or slot.state is not SlotState.CANDIDATE:
        return
    if slot.number != run.release.version:
        await stop_and_remove(run, slot.in_phase(Phase.JOINING))
        kept = slot.without(Phase.JOINING)
        # Usually they have stopped already; if they could not, the slot must not seem to be idle.
        grace, workers = run.manifest.stop_timeout, (it for it in kept.placements if it.process != WEB)
        await settle(*(run.world.instances.stop(place.name, grace) for place in workers))
        run.change(replace(kept, state=SlotState.STANDBY, since=run.world.clock.now()))
        return
    await stop_and_remove(run, slot.placements)
    run.change(replace(slot, state=SlotState.RETIRED, since=run.world.clock.now()))


async def stop_and_remove(run: StepRun, places: Iterable[Placement]) -> None:
    """Stop instances of the new release within its ``stop_timeout``, and remove them."""

    async def end(place: Placement) -> None:
        await run.world.instances.stop(place.name, run.manifest.stop_timeout)
        await run.world.instances.remove(place.name)

    await settle(*(end(place) for place in places))


@step(undo=remove_candidate)
async def start(run: StepRun) -> str:
    """Start every web instance of the candidate slot. Raises NoFreePort."""
    slot = await run.candidate() or await _take_over(run) or await _place(run)
    release, places = run.release, web_places(slot)
    # The instances of a slot from standby run already; only missing ones are started.
    is_new = slot.number == release.version
    if starting := [place for place in places if is_new or not place.is_up]:
        run.found_healthy = {}  # from before these start, which can take long
        starter = await starter_of(run, slot)
        around = await run.tools.environments.of(starter)
        await _started(run, [instance_spec(starter, place, around, run.operation.id) for place in starting])
    suffix = "" if is_new else "  (standby)"
    if (await run.world.store.scale(run.app)).is_stopped:
        await run.note(f"{run.app} is stopped, so nothing was started; `pvdify ps:start {run.app}` starts it")
    started = "  ".join(shown(place) for place in places)
    return f"{slot.colour}  {started}{suffix}" if places else f"{slot.colour}  no web process"


async def _started(run: StepRun, specs: Sequence[InstanceSpec]) -> None:
    """Start these instances; once more if their image was removed with another app's last release since ``pull``."""
    try:
        await settle(*(run.world.instances.start(spec) for spec in specs))
    except StartFailed:
        if not await bring_back(run):
            raise
        await settle(*(run.world.instances.start(spec) for spec in specs))


def shown(place: Placement) -> str:
    """Return an instance and its endpoint as text for the deploy log, for example ``web.1 :3001``."""
    where = "" if place.endpoint is NO_ROUTE else f" {place.endpoint.short}"
    return f"{place.process}.{place.number}{where}"


def web_places(slot: Slot) -> tuple[Placement, ...]:
    """Return the placements of a slot's web instances."""
    return tuple(place for place in slot.placements if place.process == WEB)


async def starter_of(run: StepRun, slot: Slot) -> Release:
    """Return the release that started the slot, and so made its containers."""
    if slot.number == run.release.version:
        return run.release
    return await run.world.store.release(run.app, slot.number) or run.release


async def standby_of(run: StepRun) -> Slot | None:
    """Return the slot of the release that this one repeats, if it is idle and on the runtime of new slots, or None."""
    store, repeats = run.world.store, run.release.repeats
    repeated = await store.release(run.app, repeats) if repeats else None
    slot = await store.slot(run.app, repeated.slot) if repeated and repeated.slot else None
    if slot is None or not slot.state.is_idle:
        return None
    return slot if slot.runtime in ("", await runtime_of(store, run.world.settings, run.release)) else None


async def _take_over(run: StepRun) -> Slot | None:
    """Return the idle slot of the release that is repeated, if all its web instances are healthy, or None.

    The slot is recorded as CANDIDATE, so that its retirement skips it.
    """
    async with run.world.locks.slots(run.app):
        slot = await standby_of(run)
        if slot is None or (answers := await healthy_answers(run, run.release, web_places(slot))) is None:
            return None
        run.found_healthy = answers
        async with run.world.locks.places:
            fitted = await _fitted(run, slot)
            slot = replace(fitted, state=SlotState.CANDIDATE, since=run.world.clock.now())
            await run.save(slot, replace(run.release, slot=slot.number))
    return slot


async def _fitted(run: StepRun, slot: Slot) -> Slot:
    """Return the slot with the wanted number of places: missing ones are added, surplus ones dropped."""
    counts = await run.counts()
    kept = tuple(place for process, count in counts.items() for place in slot.of(process, Phase.UP)[:count])
    fitting = replace(slot, placements=kept)
    missing = {
        process: next_numbers(fitting, process, count - len(fitting.of(process))) for process, count in counts.items()
    }
    joining = await placed(run, slot, missing, Phase.JOINING, {place.name for place in kept})
    return replace(fitting, placements=kept + joining)


async def healthy_answers(
    run: StepRun, release: Release, places: Iterable[Placement]
) -> dict[str, ProbeResult] | None:  # fmt: skip
    """Probe each of these once; return the answers by instance name, or None if an instance is not healthy now."""
    check, asked = release.manifest.healthcheck, list(places)
    answers = await settle(*(run.tools.probes.ask(release.app, check, place) for place in asked))
    if not all(is_healthy(check, answer) for answer in answers):
        return None
    return {place.name: answer for place, answer in zip(asked, answers, strict=True)}


async def _place(run: StepRun) -> Slot:
    """Return a new candidate slot; its names and endpoints are stored before a container starts. Raises NoFreePort."""
    release, counts = run.release, await run.counts()
    previous = await run.previous_slot()
    numbers = {process: range(1, count + 1) for process, count in counts.items()}
    async with run.world.locks.places:
        slot = Slot(
            app=run.app,
            number=release.version,
            colour=other_colour(previous.colour if previous else None),
            state=SlotState.CANDIDATE,
            since=run.world.clock.now(),
            placements=(),
            runtime=await runtime_of(run.world.store, run.world.settings, release),
        )
        slot = replace(slot, placements=await placed(run, slot, numbers))
        await run.save(slot, replace(release, slot=slot.number))
    return slot


async def placed(
    run: StepRun, slot: Slot, numbers: Mapping[str, Iterable[int]], phase: Phase = Phase.UP, taken: Collection[str] = ()
) -> tuple[Placement, ...]:
    """Return placements in the slot for instances with these numbers, with endpoints for web instances.

    Call this under ``locks.places``, and store the placements before releasing the lock: only then are the endpoints
    reserved. ``taken``: names that other instances of the slot have. Raises NoFreePort.
    """
    places = placements_of(run.app, slot.number, numbers, phase, taken)
    names = [place.name for place in places if place.process == WEB]
    if not names:
        return places
    known = [endpoint for each in await run.world.store.slots() for endpoint in each.endpoints]
    asker = f"{run.app} v{run.release.version}"
    endpoints = iter(await run.world.places.reserve(asker, names, known, slot.runtime))
    return tuple(replace(place, endpoint=next(endpoints)) if place.process == WEB else place for place in places)
