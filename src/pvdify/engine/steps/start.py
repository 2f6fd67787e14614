"""Starting the candidate slot, or taking over one that stands by."""

from collections.abc import AsyncIterator, Iterable
from dataclasses import replace

from pvdify.engine.concurrency import settle
from pvdify.engine.plan import step
from pvdify.engine.posthog import config_of
from pvdify.engine.specs import instance_spec, next_numbers, placements_of
from pvdify.engine.step_run import StepRun
from pvdify.errors import NoFreePort
from pvdify.model.names import WEB
from pvdify.model.probe import DEFAULT_PATH, is_healthy
from pvdify.model.release import Release
from pvdify.model.slot import Phase, Placement, Slot, SlotState, other_colour


async def remove_candidate(run: StepRun) -> None:
    """Nothing of the candidate slot is left; one that was taken over from standby stands by again."""
    slot = await run.candidate()
    if slot is None or slot.state is not SlotState.CANDIDATE:
        return
    if slot.number != run.release.version:
        await settle(*(run.world.supervisor.remove(place.name) for place in slot.in_phase(Phase.JOINING)))
        kept = slot.without(Phase.JOINING)
        run.change(replace(kept, state=SlotState.STANDBY, since=run.world.clock.now()))
        return
    await settle(*(run.world.supervisor.remove(place.name) for place in slot.placements))
    run.change(replace(slot, state=SlotState.RETIRED, since=run.world.clock.now()))


@step(undo=remove_candidate)
async def start(run: StepRun) -> str:
    """Every web instance of the candidate slot runs."""
    slot = await run.candidate() or await _take_over(run) or await _place(run)
    release, places = run.release, web_places(slot)
    starter = await starter_of(run, slot)
    config = await config_of(run.world, run.app, starter.config_version)
    # What is taken over runs already, and its image is pinned by the release that started it.
    is_new = slot.number == release.version
    starting = [place for place in places if is_new or not place.is_up]
    specs = [instance_spec(starter, place, config, run.operation.id) for place in starting]
    await settle(*(run.world.supervisor.start(spec) for spec in specs))
    suffix = "" if is_new else "  (standby)"
    if (await run.world.store.scale(run.app)).is_stopped:
        await run.note(f"{run.app} is stopped, so nothing was started; `pvdify ps:start {run.app}` starts it")
    shown = "  ".join(f"{place.process}.{place.number} :{place.host_port}" for place in places)
    return f"{slot.colour}  {shown}{suffix}" if places else f"{slot.colour}  no web process"


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
        async with run.world.locks.ports:
            fitted = await _fitted(run, slot)
            slot = replace(fitted, state=SlotState.CANDIDATE, since=run.world.clock.now())
            await run.save(slot, replace(run.release, slot=slot.number))
    return slot


async def _fitted(run: StepRun, slot: Slot) -> Slot:
    """The slot with as many places as are wanted now; what it lacks joins it, what it has too much is let go."""
    counts = await run.counts()
    kept = tuple(place for process, count in counts.items() for place in slot.of(process, Phase.UP)[:count])
    fitting = replace(slot, placements=kept)
    missing = {
        process: next_numbers(fitting, process, count - len(fitting.of(process))) for process, count in counts.items()
    }
    ports = await free_ports(run, len(missing.get(WEB, ())))
    return replace(fitting, placements=kept + placements_of(run.app, slot.number, missing, ports, Phase.JOINING))


async def all_answer(run: StepRun, release: Release, places: Iterable[Placement]) -> bool:
    """Whether each of these answers the release's health check right now."""
    check = release.manifest.healthcheck
    probe, path = run.world.prober.probe, check.path or DEFAULT_PATH
    answers = await settle(*(probe(place.host_port or 0, path, timeout=check.timeout) for place in places))
    return all(is_healthy(check, answer) for answer in answers)


async def _place(run: StepRun) -> Slot:
    """Decide names and ports, and have them on disk before anything is started under them."""
    release, counts = run.release, await run.counts()
    previous = await run.previous_slot()
    numbers = {process: range(1, count + 1) for process, count in counts.items()}
    async with run.world.locks.ports:
        ports = await free_ports(run, counts.get(WEB, 0))
        slot = Slot(
            app=run.app,
            number=release.version,
            colour=other_colour(previous.colour if previous else None),
            state=SlotState.CANDIDATE,
            since=run.world.clock.now(),
            placements=placements_of(run.app, release.version, numbers, ports),
        )
        await run.save(slot, replace(release, slot=slot.number))
    return slot


async def free_ports(run: StepRun, count: int) -> tuple[int, ...]:
    """So many ports that nothing has; theirs once they are on disk (under ``locks.ports``). Raises NoFreePort."""
    ports: list[int] = []
    if count:
        async for port in _candidates(run):
            ports.append(port)
            if len(ports) == count:
                break
    if len(ports) < count:
        raise NoFreePort(
            f"{run.app} v{run.release.version} needs {count} more ports, {len(ports)} are free",
            why=f"every other port of {run.world.settings.ports} is taken",
            next="start pvdifyd with a wider range, like --ports 3001-4999",
        )
    return tuple(ports)


async def _candidates(run: StepRun) -> AsyncIterator[int]:
    """Free ports, from after the newest one in use: a port that was just let go rests longest.

    A pooled connection of the router to a stopped instance must not meet the next instance on the same port.
    """
    slots = await run.world.store.slots()
    taken = {port for slot in slots for port in slot.ports}
    last = slots[-1].ports[-1] if slots and slots[-1].ports else 0
    every = list(run.world.settings.ports)
    for port in [port for port in every if port > last] + [port for port in every if port <= last]:
        if port not in taken and await run.world.host.is_port_free(port):
            yield port
