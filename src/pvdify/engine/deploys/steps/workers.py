"""Replaces processes without a route. Old and new instances run at the same time only if the manifest allows it."""

import asyncio
from collections.abc import Mapping

from pvdify.engine.deploys.plan import step
from pvdify.engine.deploys.step_run import StepRun
from pvdify.engine.deploys.steps.start import starter_of
from pvdify.engine.running.specs import instance_spec
from pvdify.engine.world.concurrency import settle
from pvdify.errors import ProbeFailed
from pvdify.manifest.definition import Manifest
from pvdify.model.instance import Exit, InstanceState
from pvdify.model.names import WEB
from pvdify.model.slot import Placement, Slot, SlotState

STAY_UP = 5.0  # seconds without an exit that make a process count as up
LAST_LINES = 5


async def bring_back(run: StepRun) -> None:
    """Stop the new workers and start the old ones again."""
    slot, previous = await run.candidate(), await run.previous_slot()
    if slot is not None:
        grace = run.manifest.stop_timeout
        await settle(*(run.world.instances.stop(place.name, grace) for place in _workers(slot)))
    old = await run.previous()
    if previous is None or old is None or previous.state is SlotState.STOPPED:  # make_room starts them again
        return
    starter = await starter_of(run, previous)
    around = await run.tools.environments.of(starter)
    for place in _workers(previous):
        await run.world.instances.start(instance_spec(starter, place, around, run.operation.id))


async def has_workers(run: StepRun) -> bool:
    """Return whether the new or the previous slot has instances without a route."""
    slots = (await run.candidate(), await run.previous_slot())
    return any(_workers(slot) for slot in slots if slot is not None)


@step(undo=bring_back, has_work=has_workers)
async def workers(run: StepRun) -> str | None:
    """Stop the old workers, start the new ones, and wait until these have stayed up.

    Old workers with ``overlap`` stop only after that. Raises ProbeFailed.
    """
    slot, previous = await run.candidate(), await run.previous_slot()
    new, old = _workers(slot) if slot else (), _workers(previous) if previous else ()
    old_manifest = await _manifest_of_previous(run)
    overlapping = tuple(place for place in old if _overlaps(old_manifest, place))
    if slot is None or not (new or old):
        return None
    grace = await _grace_of(run, previous)
    await settle(*(run.world.instances.stop(place.name, grace) for place in old if place not in overlapping))
    starter = await starter_of(run, slot)
    around = await run.tools.environments.of(starter)
    specs = [instance_spec(starter, place, around, run.operation.id) for place in new]
    await settle(*(run.world.instances.start(spec) for spec in specs))
    await stay_up(run, new)
    await settle(*(run.world.instances.stop(place.name, grace) for place in overlapping))
    return "  ".join(f"{place.process}.{place.number} up" for place in new) or "the old ones have stopped"


def _workers(slot: Slot) -> tuple[Placement, ...]:
    return tuple(place for place in slot.placements if place.process != WEB)


def _overlaps(manifest: Manifest | None, place: Placement) -> bool:
    return manifest is not None and place.process in manifest.processes and manifest.processes[place.process].overlap


async def _manifest_of_previous(run: StepRun) -> Manifest | None:
    """Return the previous manifest with the new release's processes merged in.

    The new manifest decides ``overlap`` of each process that it has.
    """
    previous = await run.previous()
    if previous is None:
        return None
    merged = {**previous.manifest.processes, **run.manifest.processes}
    return previous.manifest.model_copy(update={"processes": merged})


async def _grace_of(run: StepRun, slot: Slot | None) -> float:
    """Return the ``stop_timeout`` of the release that started the slot, or 0 without a slot."""
    return (await starter_of(run, slot)).manifest.stop_timeout if slot is not None else 0.0


async def stay_up(run: StepRun, places: tuple[Placement, ...]) -> None:
    """Wait ``STAY_UP`` seconds. Raises ProbeFailed as soon as one of these instances exits."""
    exits = {place: asyncio.create_task(run.world.instances.wait(place.name)) for place in places}
    pause = asyncio.create_task(run.world.clock.sleep(STAY_UP if places else 0.0))
    try:
        await asyncio.wait({pause, *exits.values()}, return_when=asyncio.FIRST_COMPLETED)
        for place, exited in exits.items():
            if exited.done():
                raise await _did_not_stay(run, place, exited.result())
        if places:
            await _look_again(run, exits)
    finally:
        pause.cancel()
        for exited in exits.values():
            exited.cancel()


async def _look_again(run: StepRun, exits: Mapping[Placement, asyncio.Task[Exit]]) -> None:
    """Raise ProbeFailed for an instance that does not run: a busy runtime reports an exit seconds late."""
    running = [await run.world.instances.is_running(place.name) for place in exits]
    if all(running):
        return
    found = {it.name: it.state for it in await run.world.instances.find(run.app)}
    for place, exited in exits.items():
        if found.get(place.name) in (None, InstanceState.EXITED):
            raise await _did_not_stay(run, place, await exited)


async def _did_not_stay(run: StepRun, place: Placement, ended: Exit) -> ProbeFailed:
    lines = await run.world.instance_logs.tail([place.name], LAST_LINES)
    said = "; ".join(line.text for line in lines) or "nothing"
    return ProbeFailed(
        f"{run.app} v{run.release.version}: {place.process}.{place.number} {ended} within {STAY_UP:g} s",
        why=f"its last lines: {said}",
        next=f"`pvdify logs {run.app} --release {run.release.version}`. "
        + (
            "Nothing was live before."
            if run.operation.previous is None
            else "The previous release's processes run again."
        ),
    )
