"""The displaced slot: its last requests end, it stands by for a rollback, it goes."""

from dataclasses import replace

from pvdify.engine.concurrency import settle
from pvdify.engine.edge_mode import is_past_router
from pvdify.engine.plan import step
from pvdify.engine.step_run import StepRun
from pvdify.errors import DeployCanceled, RouterUnavailable
from pvdify.model.operation import OperationKind
from pvdify.model.release import SwitchCount
from pvdify.model.route import Traffic
from pvdify.model.slot import Slot, SlotState

QUIET = 1.0  # requests that were routed before the switch arrive up to 74 ms after it; measured, with a margin
DRAIN_PAUSE = 0.1
STANDBY_PAUSE = 1.0


@step()
async def drain(run: StepRun) -> None:
    """Nothing has been in flight to the displaced slot for a while, or its deadline has passed."""
    clock, starter = run.world.clock, await run.world.store.release(run.app, (await _slot(run)).number)
    is_counted = not await _leave_edge(run)
    deadline = clock.monotonic() + (starter.manifest.drain if starter else 0.0)
    quiet_since = clock.monotonic()
    while clock.monotonic() < deadline + QUIET:
        slot = await _slot(run)
        traffic = await _traffic(run, slot.number)
        if traffic.in_flight:
            quiet_since = clock.monotonic()
        is_quiet = is_counted and clock.monotonic() - quiet_since >= QUIET
        if is_quiet or clock.monotonic() >= deadline:
            break
        await clock.sleep(DRAIN_PAUSE)
    async with run.world.locks.slots(run.app):
        slot = await _slot(run)
        if slot.state is not SlotState.STOPPED:
            slot = replace(slot, state=SlotState.STANDBY, since=clock.now())
        await run.save(slot, *await _counted(run, slot))


async def _leave_edge(run: StepRun) -> bool:
    """Wait until nobody is led straight to the slot any more; whether somebody could be, past the router's counts."""
    if not await is_past_router(run.world):
        return False
    while run.world.edge_board.leads_to((await _slot(run)).targets):
        await run.world.clock.sleep(STANDBY_PAUSE)
    return True


@step()
async def stand_by(run: StepRun) -> None:
    """Nobody asked for a rollback while it stood by, or a newer slot stands by in its place."""
    clock = run.world.clock
    while True:
        slot = await _slot(run)
        waited = clock.now() - slot.since
        if slot.state is SlotState.STOPPED or waited >= run.world.settings.standby or await _is_displaced(run, slot):
            return
        await clock.sleep(min(STANDBY_PAUSE, max(0.0, (run.world.settings.standby - waited).total_seconds())))


@step(commits=True)
async def stop(run: StepRun) -> None:
    """The slot's instances have stopped and are gone, and the router has forgotten it."""
    async with run.world.locks.slots(run.app):
        slot = await _slot(run)
        await run.save(replace(slot, state=SlotState.RETIRED, since=run.world.clock.now()))
    cut = (await _traffic(run, slot.number)).in_flight
    starter = await run.world.store.release(run.app, slot.number)
    grace = starter.manifest.stop_timeout if starter else 10.0
    await settle(*(run.world.supervisor.stop(place.name, grace) for place in slot.placements))
    await settle(*(run.world.supervisor.remove(place.name) for place in slot.placements))
    await run.world.router.forget(run.app, slot.number)
    if cut:
        counts = await run.world.store.switch_counts(run.app)
        for counted in (count for count in counts if count.release == run.operation.release):
            run.change(replace(counted, cut=counted.cut + cut))


@step()
async def prune(run: StepRun) -> None:
    """Only the newest releases, the live one and the one before it keep an image on this server."""
    releases = await run.world.store.releases(run.app)
    deployed = [release for release in releases if release.was_live]
    # The pin belongs to the release that started the slot: one that took it over from standby has none of its own.
    needed = {release.slot or release.version for release in deployed[: run.world.settings.keep_releases]}
    needed |= {slot.number for slot in await run.world.store.slots(run.app)}
    needed |= {release.version for release in releases if not release.status.is_settled}
    for version in await run.world.images.kept(run.app) - needed:
        await run.world.images.release(run.app, version)


async def _slot(run: StepRun) -> Slot:
    """The slot to retire, as it is now. Raises DeployCanceled when somebody else sees to it now."""
    operations = await run.world.store.unsettled_operations(run.app)
    if any(operation.kind is OperationKind.DESTROY for operation in operations):
        raise DeployCanceled(f"{run.app} is being destroyed, and its slots with it")
    slot = await run.world.store.slot(run.app, run.operation.slot or 0)
    stops = run.operation.step("stop").state
    is_stopping = slot is not None and slot.state is SlotState.RETIRED and stops.value == "doing"
    if slot is None or not (slot.state.has_served or is_stopping) or await _may_come_back(run, slot):
        raise DeployCanceled(f"the slot v{run.operation.slot} of {run.app} is in use again")
    return slot


async def _is_displaced(run: StepRun, slot: Slot) -> bool:
    """Whether a slot that was live later stands by or drains: only the newest one waits for a rollback."""
    idle = [other for other in await run.world.store.slots(run.app) if other.state.is_idle]
    return any(other.since > slot.since for other in idle if other.number != slot.number)


async def _may_come_back(run: StepRun, slot: Slot) -> bool:
    """Whether the release that made room is still the live one, because its successor is on its way."""
    live = await run.world.store.active_release(run.app)
    return slot.state is SlotState.STOPPED and live is not None and live.slot == slot.number


async def quiet(run: StepRun, slot: int, seconds: float, number: int | None = None) -> None:
    """Wait until a slot, or one instance of it, has had nothing in flight for a moment; at the latest so long."""
    clock = run.world.clock
    deadline, quiet_since = clock.monotonic() + seconds, clock.monotonic()
    while clock.monotonic() - quiet_since < QUIET and clock.monotonic() < deadline:
        await clock.sleep(DRAIN_PAUSE)
        if (await _traffic(run, slot, number)).in_flight:
            quiet_since = clock.monotonic()


async def _traffic(run: StepRun, slot: int, number: int | None = None) -> Traffic:
    """What the router counts; one that does not answer right now has nothing in flight either."""
    try:
        return await run.world.router.traffic(run.app, slot, number)
    except RouterUnavailable:
        return Traffic()


async def _counted(run: StepRun, slot: Slot) -> tuple[SwitchCount, ...]:
    """What the switch cost visitors, complete now that the displaced slot has drained."""
    release = await run.world.store.release(run.app, run.operation.release or 0)
    if release is None or run.operation.baseline is None:
        return ()
    total = await _traffic(run, slot.number) + await _traffic(run, release.slot or 0)
    requests, router_errors, app_errors = run.operation.baseline
    counted = SwitchCount(
        app=run.app,
        release=release.version,
        served=max(0, total.requests - requests),
        router_errors=max(0, total.router_errors - router_errors),
        app_errors=max(0, total.app_errors - app_errors),
        is_final=True,
    )
    return (counted,)
