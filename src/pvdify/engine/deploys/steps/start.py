"""Starting the candidate slot, or taking over one that stands by."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from pvdify.engine.deploys.plan import step
from pvdify.engine.deploys.step_run import StepRun
from pvdify.engine.running.specs import instance_spec, next_numbers, placements_of
from pvdify.engine.world.concurrency import settle
from pvdify.model.endpoint import NO_ROUTE
from pvdify.model.names import WEB
from pvdify.model.probe import is_healthy
from pvdify.model.release import Release
from pvdify.model.slot import Phase, Placement, Slot, SlotState, other_colour


async def remove_candidate(run: StepRun) -> None:
    """Nothing of the candidate slot is left; one that was taken over from standby stands by again."""
    slot = await run.candidate()
    if slot is None or slot.state is not SlotState.CANDIDATE:
        return
    if slot.number != run.release.version:
        await stop_and_remove(run, slot.in_phase(Phase.JOINING))
        kept = slot.without(Phase.JOINING)
        run.change(replace(kept, state=SlotState.STANDBY, since=run.world.clock.now()))
        return
    await stop_and_remove(run, slot.placements)
    run.change(replace(slot, state=SlotState.RETIRED, since=run.world.clock.now()))


async def stop_and_remove(run: StepRun, places: Iterable[Placement]) -> None:
    """Remove instances of the new release; those that run may finish what they do first."""

    async def end(place: Placement) -> None:
        await run.world.instances.stop(place.name, run.manifest.stop_timeout)
        await run.world.instances.remove(place.name)

    await settle(*(end(place) for place in places))


@step(undo=remove_candidate)
async def start(run: StepRun) -> str:
    """Every web instance of the candidate slot runs."""
    slot = await run.candidate() or await _take_over(run) or await _place(run)
    release, places = run.release, web_places(slot)
    starter = await starter_of(run, slot)
    around = await run.tools.environments.of(starter)
    # What is taken over runs already, and its image is pinned by the release that started it.
    is_new = slot.number == release.version
    starting = [place for place in places if is_new or not place.is_up]
    specs = [instance_spec(starter, place, around, run.operation.id) for place in starting]
    await settle(*(run.world.instances.start(spec) for spec in specs))
    suffix = "" if is_new else "  (standby)"
    if (await run.world.store.scale(run.app)).is_stopped:
        await run.note(f"{run.app} is stopped, so nothing was started; `pvdify ps:start {run.app}` starts it")
    started = "  ".join(shown(place) for place in places)
    return f"{slot.colour}  {started}{suffix}" if places else f"{slot.colour}  no web process"


def shown(place: Placement) -> str:
    """An instance and where it listens, for the deploy log: ``web.1 :3001``."""
    where = "" if place.endpoint is NO_ROUTE else f" {place.endpoint.short}"
    return f"{place.process}.{place.number}{where}"


def web_places(slot: Slot) -> tuple[Placement, ...]:
    """The places of a slot that visitors' requests can go to."""
    return tuple(place for place in slot.placements if place.process == WEB)


async def starter_of(run: StepRun, slot: Slot) -> Release:
    """The release whose containers these are: the one that started the slot."""
    if slot.number == run.release.version:
        return run.release
    return await run.world.store.release(run.app, slot.number) or run.release


async def standby_of(run: StepRun) -> Slot | None:
    """The slot of the release that is to be repeated, if it still stands by."""
    store, repeats = run.world.store, run.release.repeats
    repeated = await store.release(run.app, repeats) if repeats else None
    slot = await store.slot(run.app, repeated.slot) if repeated and repeated.slot else None
    return slot if slot is not None and slot.state.is_idle else None


async def _take_over(run: StepRun) -> Slot | None:
    """The slot of the release that is repeated, if it still stands by and all its web instances are healthy.

    From here on it is a candidate on disk, and its retirement leaves it alone.
    """
    async with run.world.locks.slots(run.app):
        slot = await standby_of(run)
        if slot is None or not await all_answer(run, run.release, web_places(slot)):
            return None
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
    joining = await placed(run, slot.number, missing, Phase.JOINING, {place.name for place in kept})
    return replace(fitting, placements=kept + joining)


async def all_answer(run: StepRun, release: Release, places: Iterable[Placement]) -> bool:
    """Whether each of these answers the release's health check right now."""
    check = release.manifest.healthcheck
    answers = await settle(*(run.tools.probes.ask(release.app, check, place) for place in places))
    return all(is_healthy(check, answer) for answer in answers)


async def _place(run: StepRun) -> Slot:
    """Choose names and endpoints, and store them before a container starts with them."""
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
            placements=await placed(run, release.version, numbers),
        )
        await run.save(slot, replace(release, slot=slot.number))
    return slot


async def placed(
    run: StepRun, slot: int, numbers: Mapping[str, Iterable[int]], phase: Phase = Phase.UP, taken: Collection[str] = ()
) -> tuple[Placement, ...]:
    """Where instances with these numbers go, the web ones with endpoints; theirs once on disk (under ``locks.places``).

    ``taken``: names that other instances of the slot have. Raises NoFreePort.
    """
    places = placements_of(run.app, slot, numbers, phase, taken)
    names = [place.name for place in places if place.process == WEB]
    if not names:
        return places
    known = [endpoint for each in await run.world.store.slots() for endpoint in each.endpoints]
    endpoints = iter(await run.world.places.reserve(f"{run.app} v{run.release.version}", names, known))
    return tuple(replace(place, endpoint=next(endpoints)) if place.process == WEB else place for place in places)
