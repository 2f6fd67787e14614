"""Changing what runs of the live release: more, fewer, or new instances in place of old ones.

Who comes is JOINING in the live slot's record before anything is started. At the commit point, who came is UP and who
goes is LEAVING, in one write with the route.
"""

from dataclasses import replace

from pvdify.engine.concurrency import settle
from pvdify.engine.plan import step
from pvdify.engine.posthog import config_of
from pvdify.engine.specs import instance_spec, next_numbers, placements_of
from pvdify.engine.step_run import StepRun
from pvdify.engine.steps.health import probed
from pvdify.engine.steps.retire import quiet
from pvdify.engine.steps.start import free_ports, starter_of
from pvdify.engine.steps.switch import point_back, put_route, route_to
from pvdify.engine.steps.workers import stay_up
from pvdify.errors import NothingRuns
from pvdify.model.names import WEB
from pvdify.model.operation import OperationKind
from pvdify.model.scale import ProcessChange, Scale
from pvdify.model.slot import Phase, Placement, Slot


async def dismiss(run: StepRun) -> None:
    """Nothing is left of who was to join."""
    slot = await run.previous_slot()
    if slot is None:
        return
    await settle(*(run.world.supervisor.remove(place.name) for place in slot.in_phase(Phase.JOINING)))
    run.change(slot.without(Phase.JOINING))


@step(undo=dismiss)
async def arrange(run: StepRun) -> None:
    """Names and ports of who joins are on disk."""
    async with run.world.locks.ports:
        slot = await _live_slot(run)
        counts = await _wanted(run)
        numbers = {process: next_numbers(slot, process, _missing(run, slot, process, counts)) for process in counts}
        ports = await free_ports(run, len(numbers.get(WEB, ())))
        joining = placements_of(run.app, slot.number, numbers, ports, Phase.JOINING)
        await run.save(replace(slot, placements=slot.placements + joining))


@step()
async def start(run: StepRun) -> str | None:
    """Every web instance that joins runs."""
    slot = await _live_slot(run)
    joining = slot.of(WEB, Phase.JOINING)
    await _start(run, slot, joining)
    return "  ".join(f"{place.process}.{place.number} :{place.host_port}" for place in joining) or None


@step()
async def health(run: StepRun) -> str | None:
    """Each of them has answered its probe."""
    return await probed(run, (await _live_slot(run)).of(WEB, Phase.JOINING))


async def bring_back(run: StepRun) -> None:
    """The new workers are stopped and those they were to replace run again."""
    slot = await run.previous_slot()
    if slot is None:
        return
    await settle(*(_stop(run, place) for place in slot.in_phase(Phase.JOINING) if place.process != WEB))
    await _start(run, slot, await _replaced_workers(run, slot))


@step(undo=bring_back)
async def workers(run: StepRun) -> str | None:
    """The other processes that join run and stayed up; of one that is replaced, two never ran at once."""
    slot = await _live_slot(run)
    joining = tuple(place for place in slot.in_phase(Phase.JOINING) if place.process != WEB)
    await settle(*(_stop(run, place) for place in await _replaced_workers(run, slot)))
    await _start(run, slot, joining)
    await stay_up(run, joining)
    return "  ".join(f"{place.process}.{place.number} up" for place in joining) or None


@step(undo=point_back, commits=True)
async def switch(run: StepRun) -> str:
    """New requests reach who joined, and none who leaves; the new scale is on record."""
    slot, counts = await _live_slot(run), await _wanted(run)
    settled = slot.settled(await _leaving(run, slot))
    await put_route(run, await route_to(run, run.release, settled))
    run.change(settled)
    run.change(await _scale(run))
    return "  ".join(f"{process} {count}" for process, count in counts.items())


@step()
async def stop(run: StepRun) -> str | None:
    """Who leaves has answered its last request, stopped and gone."""
    slot = await _live_slot(run)
    leaving = slot.in_phase(Phase.LEAVING)
    await settle(*(_let_go(run, slot, place) for place in leaving))
    run.change(slot.without(Phase.LEAVING))
    return "  ".join(f"{place.process}.{place.number}" for place in leaving) or None


async def _live_slot(run: StepRun) -> Slot:
    slot = await run.previous_slot()
    if slot is None:
        raise NothingRuns(
            f"{run.app} has no live release, so there is nothing to scale or restart",
            next=f"`pvdify deploy {run.app} --image REFERENCE` makes one",
        )
    return slot


def _change(run: StepRun) -> ProcessChange:
    return run.operation.change or ProcessChange()


async def _scale(run: StepRun) -> Scale:
    return (await run.world.store.scale(run.app)).after(_change(run), run.manifest)


async def _wanted(run: StepRun) -> dict[str, int]:
    return (await _scale(run)).counts(run.manifest)


def _missing(run: StepRun, slot: Slot, process: str, counts: dict[str, int]) -> int:
    """How many have still to join, also where some were on disk before the daemon died."""
    wanted, up = counts[process], len(slot.of(process, Phase.UP))
    if run.operation.kind is OperationKind.RESTART:
        up = 0 if process in _change(run).restarts else wanted
    return max(0, wanted - up - len(slot.of(process, Phase.JOINING)))


async def _leaving(run: StepRun, slot: Slot) -> tuple[Placement, ...]:
    """Who goes: of a restarted process all who were up, else the highest numbers beyond the count."""
    if run.operation.kind is OperationKind.RESTART:
        return tuple(place for process in _change(run).restarts for place in slot.of(process, Phase.UP))
    counts = await _wanted(run)
    names = dict.fromkeys(place.process for place in slot.placements)
    return tuple(place for process in names for place in slot.of(process, Phase.UP)[counts.get(process, 0) :])


async def _replaced_workers(run: StepRun, slot: Slot) -> tuple[Placement, ...]:
    """Instances that have to stop before their successors start: two of them must not run at once."""
    if run.operation.kind is not OperationKind.RESTART:
        return ()
    overlapping = {name for name, process in run.manifest.processes.items() if process.overlap}
    return tuple(it for it in await _leaving(run, slot) if it.process != WEB and it.process not in overlapping)


async def _start(run: StepRun, slot: Slot, places: tuple[Placement, ...]) -> None:
    starter = await starter_of(run, slot)
    config = await config_of(run.world, run.app, starter.config_version)
    specs = [instance_spec(starter, place, config, run.operation.id) for place in places]
    await settle(*(run.world.supervisor.start(spec) for spec in specs))


async def _let_go(run: StepRun, slot: Slot, place: Placement) -> None:
    """Wait until nothing has been in flight for a moment, at the latest until ``drain`` is over; then stop it."""
    if place.host_port is not None:
        await quiet(run, slot.number, run.manifest.drain, place.number)
    await _stop(run, place)
    await run.world.supervisor.remove(place.name)


async def _stop(run: StepRun, place: Placement) -> None:
    await run.world.supervisor.stop(place.name, run.manifest.stop_timeout)
