"""Scales or restarts the processes of the live release.

New instances are recorded as JOINING in the live slot before they start. At the commit point, one write with the route
makes them UP, and the instances that they replace LEAVING.
"""

from dataclasses import replace
from datetime import timedelta

from pvdify.engine.deploys.instance_limit import check_instances, check_volumes
from pvdify.engine.deploys.plan import step
from pvdify.engine.deploys.step_run import StepRun
from pvdify.engine.deploys.steps.health import probed
from pvdify.engine.deploys.steps.holding import answered
from pvdify.engine.deploys.steps.leftovers import remove_leftovers
from pvdify.engine.deploys.steps.make_room import answer_again
from pvdify.engine.deploys.steps.retire import EDGE_PAUSE, quiet
from pvdify.engine.deploys.steps.start import placed, shown, starter_of, stop_and_remove
from pvdify.engine.deploys.steps.switch import point_back, put_route, route_to
from pvdify.engine.deploys.steps.workers import stay_up
from pvdify.engine.running.specs import instance_spec, next_numbers
from pvdify.engine.world.concurrency import settle
from pvdify.errors import InvalidScale, NothingRuns
from pvdify.model.endpoint import NO_ROUTE, Endpoint
from pvdify.model.names import WEB
from pvdify.model.operation import OperationKind
from pvdify.model.scale import ProcessChange, Scale
from pvdify.model.slot import Phase, Placement, Slot, SlotState

STANDBY_ENDED_WITHIN, LOOK_EVERY = 30.0, 0.1  # seconds
EDGE_WITHIN = 300.0  # seconds until an instance is stopped although a tunnel that does not answer may still lead to it


async def dismiss(run: StepRun) -> None:
    """Stop and remove the joining instances. Those that stopped for them, and were not started again, are to run."""
    slot = await run.previous_slot()
    if slot is None:
        return
    await stop_and_remove(run, slot.in_phase(Phase.JOINING))
    run.change(slot.before_joining())


@step(undo=dismiss)
async def arrange(run: StepRun) -> None:
    """Choose names and endpoints of the joining instances, and record them.

    Remove first what an earlier operation left. Raises InvalidScale, NoFreePort, NothingRuns, RuntimeUnavailable,
    VolumeNotShared.
    """
    await remove_leftovers(run)
    async with run.world.locks.places:
        slot = await _live_slot(run)
        await _check_change(run, slot)
        counts = await _wanted(run)
        numbers = {process: _numbers_to_come(run, slot, process, counts[process]) for process in counts}
        joining = await placed(run, slot, numbers, Phase.JOINING, {place.name for place in slot.placements})
        await run.save(replace(slot, placements=slot.placements + joining))


async def take_back(run: StepRun) -> None:
    """Remove joining web instances, start those again that stopped for them, and route requests to these."""
    slot = await _live_slot(run)
    stopped = tuple(place for place in _sharers(run, slot) if place.phase is Phase.LEAVING)
    if not stopped:
        return
    await stop_and_remove(run, slot.of(WEB, Phase.JOINING))
    slot = slot.moved(stopped, Phase.UP)
    await run.save(slot)
    again = tuple(replace(place, phase=Phase.UP) for place in stopped)
    async with run.world.locks.instances(run.app):  # the reconciler may start the same instances
        await _start(run, slot, again)
    if not await answer_again(run, run.release, replace(slot, placements=again)):
        await run.note("the instances run again, but do not answer their health check yet")
    await point_back(run)


@step(undo=take_back)
async def make_room(run: StepRun) -> str | None:
    """Stop web instances with an exclusive volume after their last answers; the router holds requests meanwhile."""
    # Under the lock the reconciler starts none of them, and afterwards none that is LEAVING.
    async with run.world.locks.instances(run.app):
        slot = await _live_slot(run)
        if not (sharers := _sharers(run, slot)):
            return None
        slot = slot.moved(sharers, Phase.LEAVING)
        await run.save(slot)
    hold = run.manifest.hold
    held = (await route_to(run, run.release, slot)).held(run.world.clock.now() + timedelta(seconds=hold))
    await put_route(run, held if hold else replace(held, held_until=None))
    if hold:
        await answered(run, slot, min(run.manifest.drain, hold / 2))
    else:
        await quiet(run, slot.number, run.manifest.drain)
    await settle(*(_stop(run, place) for place in sharers))
    return "  ".join(f"{place.process}.{place.number} stopped" for place in sharers)


@step()
async def start(run: StepRun) -> str | None:
    """Start the joining web instances."""
    slot = await _live_slot(run)
    joining = slot.of(WEB, Phase.JOINING)
    await _start(run, slot, joining)
    return "  ".join(shown(place) for place in joining) or None


@step()
async def health(run: StepRun) -> str | None:
    """Wait until each joining web instance has answered its probe."""
    return await probed(run, (await _live_slot(run)).of(WEB, Phase.JOINING))


async def bring_back(run: StepRun) -> None:
    """Stop the joining workers, and start those again that they were to replace."""
    slot = await run.previous_slot()
    if slot is None:
        return
    await settle(*(_stop(run, place) for place in slot.in_phase(Phase.JOINING) if place.process != WEB))
    await _start(run, slot, await _replaced_workers(run, slot))


@step(undo=bring_back)
async def workers(run: StepRun) -> str | None:
    """Stop the workers that are replaced, start the joining ones, and wait until these have stayed up.

    Workers with ``overlap`` stop later, in ``stop``.
    """
    slot = await _live_slot(run)
    joining = tuple(place for place in slot.in_phase(Phase.JOINING) if place.process != WEB)
    await settle(*(_stop(run, place) for place in await _replaced_workers(run, slot)))
    await _start(run, slot, joining)
    await stay_up(run, joining)
    return "  ".join(f"{place.process}.{place.number} up" for place in joining) or None


@step(undo=point_back, commits=True)
async def switch(run: StepRun) -> str:
    """Route new requests to the joined instances and not to the leaving ones, and record the new scale."""
    slot, counts = await _live_slot(run), await _wanted(run)
    settled = slot.settled(await _leaving(run, slot))
    await put_route(run, await route_to(run, run.release, settled))
    run.change(settled)
    run.change(replace(await _scale(run), changed_by=run.operation.created_by, changed_at=run.world.clock.now()))
    return "  ".join(f"{process} {count}" for process, count in counts.items())


@step()
async def stop(run: StepRun) -> str | None:
    """Drain, stop and remove the leaving instances. If the app is stopped, its standby instances end, too."""
    async with run.world.locks.instances(run.app):  # wait until the reconciler starts none of them
        slot = await _live_slot(run)
    leaving = slot.in_phase(Phase.LEAVING)
    await settle(*(_drain_and_remove(run, slot, place) for place in leaving))
    run.change(slot.without(Phase.LEAVING))
    if (await _scale(run)).is_stopped:
        await _until_none_stands_by(run)
    return "  ".join(f"{place.process}.{place.number}" for place in leaving) or None


async def _until_none_stands_by(run: StepRun) -> None:
    """Wait until every displaced slot is removed, at most ``STANDBY_ENDED_WITHIN``."""
    clock = run.world.clock
    deadline = clock.monotonic() + STANDBY_ENDED_WITHIN
    while clock.monotonic() < deadline:
        slots = await run.world.store.slots(run.app)
        if not any(slot.state.is_idle or slot.state is SlotState.RETIRED for slot in slots):
            return
        await clock.sleep(LOOK_EVERY)


async def _check_change(run: StepRun, slot: Slot) -> None:
    """Check the change again: a deploy may have been carried out since the request.

    Raises InvalidScale, VolumeNotShared.
    """
    change = _change(run)
    missing = [name for name in change.counts if name not in run.manifest.processes]
    if missing:
        raise InvalidScale(
            f"{run.app} v{run.release.version} has no process {', '.join(missing)}",
            why="a release without it went live before this change had its turn",
            next=f"`pvdify ps {run.app}` shows its processes",
        )
    if change.counts:
        most, kept, scale = run.world.settings.max_app_instances, len(slot.in_phase(Phase.UP)), await _scale(run)
        check_instances(run.app, run.manifest, scale, most, allowed=kept)
        check_volumes(run.app, run.release, {name: scale.count(name, run.manifest) for name in change.counts})


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


def _numbers_to_come(run: StepRun, slot: Slot, process: str, wanted: int) -> tuple[int, ...]:
    """Return the numbers of the instances to add; a restarted instance keeps its number."""
    up = slot.of(process, Phase.UP)
    if run.operation.kind is not OperationKind.RESTART:
        return next_numbers(slot, process, max(0, wanted - len(up)))
    if process not in _change(run).restarts:
        return ()
    kept = [place.number for place in up[:wanted]]
    return (*kept, *next_numbers(slot, process, max(0, wanted - len(kept))))


async def _leaving(run: StepRun, slot: Slot) -> tuple[Placement, ...]:
    """Return the instances to remove: all UP ones of a restarted process, or those beyond the wanted count."""
    if run.operation.kind is OperationKind.RESTART:
        return tuple(place for process in _change(run).restarts for place in slot.of(process, Phase.UP))
    counts = await _wanted(run)
    names = dict.fromkeys(place.process for place in slot.placements)
    return tuple(place for process in names for place in slot.of(process, Phase.UP)[counts.get(process, 0) :])


async def _replaced_workers(run: StepRun, slot: Slot) -> tuple[Placement, ...]:
    """Return the workers that must stop before their successors start, because the two must not run at once."""
    if run.operation.kind is not OperationKind.RESTART:
        return ()
    exclusive = [volume for volume in run.release.volumes.values() if volume.is_exclusive]
    overlapping = {
        name
        for name, process in run.manifest.processes.items()
        if process.overlap and not any(volume.is_used_by(name) for volume in exclusive)
    }
    return tuple(it for it in await _leaving(run, slot) if it.process != WEB and it.process not in overlapping)


def _sharers(run: StepRun, slot: Slot) -> tuple[Placement, ...]:
    """Return the web instances to be restarted if they use a volume that their successors must not use meanwhile."""
    if run.operation.kind is not OperationKind.RESTART or WEB not in _change(run).restarts:
        return ()
    if not any(volume.is_exclusive and volume.is_used_by(WEB) for volume in run.release.volumes.values()):
        return ()
    return (*slot.of(WEB, Phase.UP), *slot.of(WEB, Phase.LEAVING))


async def _start(run: StepRun, slot: Slot, places: tuple[Placement, ...]) -> None:
    starter = await starter_of(run, slot)
    around = await run.tools.environments.of(starter)
    specs = [instance_spec(starter, place, around, run.operation.id) for place in places]
    await settle(*(run.world.instances.start(spec) for spec in specs))


async def _drain_and_remove(run: StepRun, slot: Slot, place: Placement) -> None:
    """Wait until the instance has no request in flight, at most ``drain`` seconds; then stop and remove it.

    Requests that came past the router are not counted, so they always have the whole ``drain``.
    """
    if place.endpoint is not NO_ROUTE and await _has_left_edge(run, place.endpoint):
        await run.world.clock.sleep(run.manifest.drain)
    elif place.has_route:
        await quiet(run, slot.number, run.manifest.drain, place.serial)
    await _stop(run, place)
    await run.world.instances.remove(place.name)


async def _has_left_edge(run: StepRun, target: Endpoint) -> bool:
    """Wait until the edge sends no requests directly to this target, at most ``EDGE_WITHIN`` seconds.

    Return whether it could do so.
    """
    if not await run.is_past_router():
        return False
    clock = run.world.clock
    deadline = clock.monotonic() + EDGE_WITHIN
    while run.world.edge_board.leads_to((target,)) and clock.monotonic() < deadline:
        await clock.sleep(EDGE_PAUSE)
    return True


async def _stop(run: StepRun, place: Placement) -> None:
    await run.world.instances.stop(place.name, run.manifest.stop_timeout)
