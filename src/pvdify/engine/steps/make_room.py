"""Stopping first: the live release makes room where memory is for one only, and comes back if the next one fails."""

from dataclasses import replace

from pvdify.engine.concurrency import settle
from pvdify.engine.plan import step
from pvdify.engine.posthog import config_of
from pvdify.engine.specs import instance_spec
from pvdify.engine.step_run import StepRun
from pvdify.engine.steps.retire import quiet
from pvdify.engine.steps.start import all_answer, standby_of, starter_of, web_places
from pvdify.engine.steps.switch import point_back, put_route, route_to
from pvdify.model.release import Receipt, Release
from pvdify.model.slot import Slot, SlotState

PROBE_PAUSE = 0.1


async def come_back(run: StepRun) -> None:
    """The release that was live runs again, and visitors reach it."""
    slot, release = await run.previous_slot(), await run.previous()
    if slot is None or release is None:
        return
    if slot.state is SlotState.STOPPED:  # on disk first: should we fail to start it, the reconciler goes on trying
        slot = replace(slot, state=SlotState.LIVE, since=run.world.clock.now())
        await run.save(slot)
    starter = await starter_of(run, slot)
    config = await config_of(run.world, run.app, starter.config_version)
    specs = [instance_spec(starter, place, config, run.operation.id) for place in slot.placements]
    await settle(*(run.world.supervisor.start(spec) for spec in specs))
    if not await _answers(run, release, slot):
        await run.note(f"v{release.version} runs again, but does not answer its health check yet")
    await point_back(run)
    run.change(replace(run.release, receipt=_receipt(run).opened(run.world.clock.now())))


@step(undo=come_back)
async def make_room(run: StepRun) -> str | None:
    """The live release has answered its last request and stopped, and visitors are asked to come back."""
    slot, release = await run.previous_slot(), await run.previous()
    if slot is None or release is None:
        return None
    if slot.targets:
        await _close(run, release, slot)
    taken_over = await standby_of(run)
    kept = {slot.number, taken_over.number if taken_over else slot.number}
    others = [it.number for it in await run.world.store.slots(run.app) if it.state.has_served and it.number not in kept]
    await settle(*(_stop(run, release, number) for number in (slot.number, *others)))
    return f"v{release.version} stopped" + ("; visitors are turned away (503)" if _receipt(run).closed_at else "")


async def _close(run: StepRun, release: Release, slot: Slot) -> None:
    """Visitors are turned away; from when on, and what was counted until then, is on disk before."""
    before = run.operation.baseline or (await run.world.router.traffic(run.app, slot.number)).baseline
    run.operation = replace(run.operation, baseline=before)
    receipt = _receipt(run).closed(run.world.clock.now())
    await run.save(run.operation, replace(run.release, receipt=receipt))
    await put_route(run, await route_to(run, release, None))


async def _stop(run: StepRun, release: Release, number: int) -> None:
    """One slot's instances have answered their last request and stopped."""
    # Whoever wants to take it over, or to start an instance of it again, has done so by then or finds it stopped.
    async with run.world.locks.slots(run.app), run.world.locks.instances(run.app):
        slot = await run.world.store.slot(run.app, number)
        if slot is None or slot.state is SlotState.RETIRED:
            return
        if slot.state is not SlotState.STOPPED:
            await run.save(replace(slot, state=SlotState.STOPPED, since=run.world.clock.now()))
    await quiet(run, number, release.manifest.drain)
    await settle(*(run.world.supervisor.stop(it.name, release.manifest.stop_timeout) for it in slot.placements))


async def _answers(run: StepRun, release: Release, slot: Slot) -> bool:
    """Wait until each web instance answers its probe, at the latest as long as its health check may take."""
    clock, check = run.world.clock, release.manifest.healthcheck
    deadline = clock.monotonic() + check.interval * check.retries
    while not await all_answer(run, release, web_places(slot)):
        if clock.monotonic() >= deadline:
            return False
        await clock.sleep(PROBE_PAUSE)
    return True


def _receipt(run: StepRun) -> Receipt:
    return run.release.receipt or Receipt()
