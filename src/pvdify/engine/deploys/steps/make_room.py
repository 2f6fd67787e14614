"""Stops the live release before the next one starts, and starts it again if the next one fails.

For machines without memory for both releases, and for volumes that only one release may use at a time.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from pvdify.engine.deploys.plan import step
from pvdify.engine.deploys.step_run import StepRun
from pvdify.engine.deploys.steps.holding import answered
from pvdify.engine.deploys.steps.job_runs import end_job_runs
from pvdify.engine.deploys.steps.retire import quiet, switch_count, traffic_of
from pvdify.engine.deploys.steps.start import healthy_answers, standby_of, starter_of, web_places
from pvdify.engine.deploys.steps.switch import point_back, put_route, route_to
from pvdify.engine.running.specs import instance_spec
from pvdify.engine.world.concurrency import settle
from pvdify.model.operation import Strategy
from pvdify.model.release import Receipt, Release
from pvdify.model.slot import Slot, SlotState

PROBE_PAUSE = 0.1  # seconds between two rounds of probes


async def come_back(run: StepRun) -> None:
    """Start the previous release again, and route visitors to it."""
    slot, release = await run.previous_slot(), await run.previous()
    if slot is None or release is None:
        return
    if slot.state is SlotState.STOPPED:  # recorded first: if starting the slot fails here, the reconciler retries
        slot = replace(slot, state=SlotState.LIVE, since=run.world.clock.now())
        await run.save(slot)
    starter = await starter_of(run, slot)
    around = await run.tools.environments.of(starter)
    specs = [instance_spec(starter, place, around, run.operation.id) for place in slot.placements]
    async with run.world.locks.instances(run.app):  # the reconciler may start the same instances
        await settle(*(run.world.instances.start(spec) for spec in specs))
    if not await answer_again(run, release, slot):
        await run.note(f"v{release.version} runs again, but does not answer its health check yet")
    await point_back(run)
    run.change(replace(run.release, receipt=_receipt(run).opened(run.world.clock.now())))


@step(undo=come_back)
async def make_room(run: StepRun) -> str | None:
    """Hold new requests, wait for the last answers of the live release, and stop it."""
    slot, release = await run.previous_slot(), await run.previous()
    if slot is None or release is None:
        return None
    await end_job_runs(run, release)
    if slot.targets:
        await _hold_requests(run, release, slot)
    # Where a volume is handed over, instances on standby that have it stop, too.
    taken_over = await standby_of(run) if run.operation.strategy is not Strategy.HAND_OVER else None
    kept = {slot.number, taken_over.number if taken_over else slot.number}
    others = [it.number for it in await run.world.store.slots(run.app) if it.state.has_served and it.number not in kept]
    idle = [it for it in await settle(*(_empty(run, release, it) for it in (slot.number, *others))) if it is not None]
    in_flight = sum([(await traffic_of(run, it.number)).in_flight for it in idle])
    counted = await switch_count(run, run.release.version)
    # Recorded first: after a kill while they stop, nothing is in flight any more.
    await run.save(replace(counted, cut=max(counted.cut, in_flight)))
    grace = release.manifest.stop_timeout
    await settle(*(run.world.instances.stop(place.name, grace) for it in idle for place in it.placements))
    return f"v{release.version} stopped{_hold_text(_receipt(run))}"


async def _hold_requests(run: StepRun, release: Release, slot: Slot) -> None:
    """Make the router hold new requests for at most ``hold`` seconds, and refuse them afterwards.

    The start of the hold is recorded first.
    """
    before = run.operation.baseline or (await run.world.router.traffic(run.app, slot.number)).baseline
    run.operation = replace(run.operation, baseline=before)
    receipt = _receipt(run).closed(run.world.clock.now(), release.manifest.hold)
    await run.save(run.operation, replace(run.release, receipt=receipt))
    closed = await route_to(run, release, None)
    await put_route(run, closed.held(held_until(receipt)) if receipt.hold else closed)


def held_until(receipt: Receipt) -> datetime:
    """Return the time at which the router ends the hold and refuses requests."""
    return (receipt.closed_at or datetime.now(UTC)) + timedelta(seconds=receipt.hold)


def _hold_text(receipt: Receipt) -> str:
    if receipt.closed_at is None:
        return ""
    return f"; requests wait, at most {receipt.hold:g} s" if receipt.hold else "; visitors are turned away (503)"


async def _empty(run: StepRun, release: Release, number: int) -> Slot | None:
    """Mark a slot as stopped, and wait until it has answered its last request, or for ``drain`` seconds.

    Return the slot; None if it is gone.
    """
    # A take-over or a repair of the slot ends before these locks are free, or finds the slot stopped.
    async with run.world.locks.slots(run.app), run.world.locks.instances(run.app):
        slot = await run.world.store.slot(run.app, number)
        if slot is None or slot.state is SlotState.RETIRED:
            return None
        if slot.state is not SlotState.STOPPED:
            slot = replace(slot, state=SlotState.STOPPED, since=run.world.clock.now())
            await run.save(slot)
    # Count from the recorded time: a restart of pvdifyd must not extend the wait.
    passed = (run.world.clock.now() - slot.since).total_seconds()
    if hold := _receipt(run).hold:
        await answered(run, slot, min(release.manifest.drain, hold / 2) - passed)
    else:
        await quiet(run, number, release.manifest.drain - passed)
    return slot


async def answer_again(run: StepRun, release: Release, slot: Slot) -> bool:
    """Wait until each web instance answers its probe, or the time of its health check is over; return which."""
    clock, check = run.world.clock, release.manifest.healthcheck
    deadline = clock.monotonic() + check.seconds
    while await healthy_answers(run, release, web_places(slot)) is None:
        if clock.monotonic() >= deadline:
            return False
        await clock.sleep(PROBE_PAUSE)
    return True


def _receipt(run: StepRun) -> Receipt:
    return run.release.receipt or Receipt()
