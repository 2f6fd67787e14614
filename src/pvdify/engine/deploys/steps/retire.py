"""Steps that retire the displaced slot: drain its requests, wait for a rollback, stop and remove its instances."""

from dataclasses import replace

import structlog

from pvdify.engine.deploys.plan import step
from pvdify.engine.deploys.step_run import StepRun
from pvdify.engine.world.concurrency import settle
from pvdify.engine.world.runtimes import leaves_its_slot
from pvdify.errors import DeployCanceled, RouterUnavailable
from pvdify.model.operation import OperationKind
from pvdify.model.release import SwitchCount, grace_of
from pvdify.model.route import Traffic
from pvdify.model.slot import Slot, SlotState
from pvdify.timing import first_of

log = structlog.get_logger()
QUIET = 1.0  # seconds; requests that were routed before the switch arrive up to 74 ms after it (measured)
DRAIN_PAUSE = 0.1  # seconds
ENDED_WITHIN = 2.0  # seconds for the router to end the requests in flight
EDGE_PAUSE = 1.0  # seconds
STANDBY_PAUSE = 60.0  # seconds; a change of the app's records ends the pause earlier


async def close_count(run: StepRun) -> None:
    """Make the count of the switch final when a rollback takes over the slot before it has drained."""
    slot = await run.world.store.slot(run.app, run.operation.slot or 0)
    if slot is not None and not (await switch_count(run, run.operation.release or 0)).is_final:
        await run.save(*await _counted(run, slot, cut=0))


@step(undo=close_count)
async def drain(run: StepRun) -> None:
    """Wait until the displaced slot has had no request in flight for ``QUIET`` seconds; end the others at its deadline.

    Then store the slot as STANDBY, with the final count of the switch.
    """
    clock = run.world.clock
    is_counted = not await _leave_edge(run)
    deadline = clock.monotonic() + await _drain_left(run, is_counted=is_counted)
    quiet_since = clock.monotonic()
    while clock.monotonic() < deadline:
        if (await traffic_of(run, (await _slot(run)).number)).in_flight:
            quiet_since = clock.monotonic()
        if is_counted and clock.monotonic() - quiet_since >= QUIET:
            break
        await clock.sleep(DRAIN_PAUSE)
    # The lock prevents ending requests of visitors after a rollback has taken the slot over.
    async with run.world.locks.slots(run.app):
        slot = await _slot(run)
        cut = await _end_visits(run, slot)
        if slot.state is not SlotState.STOPPED:
            slot = replace(slot, state=SlotState.STANDBY, since=clock.now())
        await run.save(slot, *await _counted(run, slot, cut))


async def _end_visits(run: StepRun, slot: Slot) -> int:
    """End the slot's requests in flight, also WebSockets and event streams; return how many were ended."""
    cut, deadline = 0, run.world.clock.monotonic() + ENDED_WITHIN
    while (await traffic_of(run, slot.number)).in_flight and run.world.clock.monotonic() < deadline:
        try:
            cut += await run.world.router.end_requests(slot.endpoints)
        except RouterUnavailable as error:
            log.warning("drain.not_ended", app=run.app, release=slot.number, why=error.why)
        await run.world.clock.sleep(DRAIN_PAUSE)
    if cut:
        log.info("drain.cut", app=run.app, release=slot.number, requests=cut)
    return cut


async def _drain_left(run: StepRun, *, is_counted: bool) -> float:
    """Return the seconds until the slot's deadline: ``drain`` after its switch, even if the daemon restarted since.

    The total is at least ``QUIET``, so that requests that were routed before the switch arrive. If the edge sent
    requests directly to the slot, the whole ``drain`` begins now.
    """
    slot = await _slot(run)
    starter = await run.world.store.release(run.app, slot.number)
    allowed = max(QUIET, starter.manifest.drain if starter else 0.0)
    passed = (run.world.clock.now() - slot.since).total_seconds() if is_counted else 0.0
    return min(allowed, max(0.0, allowed - passed))


async def _leave_edge(run: StepRun) -> bool:
    """Wait until the edge sends no requests directly to the slot.

    Return whether the edge could do so; the router does not count such requests.
    """
    if not await run.is_past_router():
        return False
    while run.world.edge_board.leads_to((await _slot(run)).targets):
        await run.world.clock.sleep(EDGE_PAUSE)
    return True


@step()
async def stand_by(run: StepRun) -> None:
    """Wait for a rollback until ``standby`` has passed.

    End earlier if the slot of a later release is on standby instead, if the app was stopped, or if the app moves to
    another runtime, because no rollback takes over the slot then.
    """
    clock, standby, store = run.world.clock, run.world.settings.standby, run.world.store
    while True:
        changed = run.world.changes.next_of(run.app)
        slot = await _slot(run)
        waited = clock.now() - slot.since
        if slot.state is SlotState.STOPPED or waited >= standby or await _is_displaced(run, slot):
            return
        if (await store.scale(run.app)).is_stopped:
            return
        if await leaves_its_slot(store, run.world.settings, slot):
            return
        pause = min(STANDBY_PAUSE, max(0.0, (standby - waited).total_seconds()))
        await first_of(clock.sleep(pause), changed.wait())


@step(commits=True)
async def stop(run: StepRun) -> None:
    """Stop and remove the slot's instances, and delete its targets and counts in the router."""
    # Under both locks the reconciler is starting no instance, and it starts none of a slot that is RETIRED.
    async with run.world.locks.slots(run.app), run.world.locks.instances(run.app):
        slot = await _slot(run)
        await run.save(replace(slot, state=SlotState.RETIRED, since=run.world.clock.now()))
    cut = (await traffic_of(run, slot.number)).in_flight
    starter = await run.world.store.release(run.app, slot.number)
    grace = grace_of(starter)
    await settle(*(run.world.instances.stop(place.name, grace) for place in slot.placements))
    await settle(*(run.world.instances.remove(place.name) for place in slot.placements))
    await run.world.router.forget(run.app, slot.number)
    if cut and run.operation.release is not None:
        counted = await switch_count(run, run.operation.release)
        run.change(replace(counted, cut=counted.cut + cut))


@step()
async def prune(run: StepRun) -> None:
    """Remove the image pins of old releases.

    Keep those of the newest ``keep_releases`` that were live, of every slot, and of releases that are not settled.
    """
    store = run.world.store
    live = [
        await store.release(run.app, it) for it in await store.live_versions(run.app, run.world.settings.keep_releases)
    ]
    # The pin belongs to the release that started the slot. A rollback that reuses a standby slot has no own pin.
    needed = {release.slot or release.version for release in live if release is not None}
    needed |= {slot.number for slot in await store.slots(run.app)}
    for version in await run.world.images.kept(run.app) - needed:
        release = await store.release(run.app, version)
        if release is None or release.status.is_settled:
            await run.world.images.release(run.app, version)


async def _slot(run: StepRun) -> Slot:
    """Return the current record of the slot to retire.

    Raises DeployCanceled if another operation has taken the slot over, or the app is being destroyed.
    """
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
    """Return whether another idle slot served a later release: only the newest of them waits for a rollback.

    Compares releases, not the times when draining ended: an older slot with a long request ends after a newer slot.
    """
    idle = [other.number for other in await run.world.store.slots(run.app) if other.state.is_idle]
    if not set(idle) - {slot.number}:
        return False
    served = {number: await run.world.store.last_live_in(run.app, number) or number for number in (*idle, slot.number)}
    return any(served[number] > served[slot.number] for number in idle)


async def _may_come_back(run: StepRun, slot: Slot) -> bool:
    """Return whether the slot is stopped but still the live release's: the switch to its successor is pending."""
    live = await run.world.store.active_release(run.app)
    return slot.state is SlotState.STOPPED and live is not None and live.slot == slot.number


async def switch_count(run: StepRun, release: int) -> SwitchCount:
    """Return the recorded count of requests during a release's switch, or zeros without a record."""
    counts = await run.world.store.switch_counts(run.app, release, release)
    return counts[0] if counts else SwitchCount(app=run.app, release=release)


async def quiet(run: StepRun, slot: int, seconds: float, number: int | None = None) -> None:
    """Wait until a slot, or one of its instances, has had no request in flight for ``QUIET`` seconds.

    Wait at most ``seconds``.
    """
    clock = run.world.clock
    deadline, quiet_since = clock.monotonic() + seconds, clock.monotonic()
    while clock.monotonic() - quiet_since < QUIET and clock.monotonic() < deadline:
        await clock.sleep(DRAIN_PAUSE)
        if (await traffic_of(run, slot, number)).in_flight:
            quiet_since = clock.monotonic()


async def traffic_of(run: StepRun, slot: int, number: int | None = None) -> Traffic:
    """Return the router's counts; zeros if the router does not answer, because it has no request in flight then."""
    try:
        return await run.world.router.traffic(run.app, slot, number)
    except RouterUnavailable:
        return Traffic()


async def _counted(run: StepRun, slot: Slot, cut: int) -> tuple[SwitchCount, ...]:
    """Return the final count of requests during the switch, now that the displaced slot has drained or serves again.

    ``cut``: how many requests this process has ended. One that was killed before it saved their number has left them
    in the access log only.
    """
    release = await run.world.store.release(run.app, run.operation.release or 0)
    if release is None or run.operation.baseline is None:
        return ()
    total = await traffic_of(run, slot.number) + await traffic_of(run, release.slot or 0)
    requests, router_errors, app_errors = run.operation.baseline
    before = await switch_count(run, release.version)
    if not before.is_final:
        found = await run.world.access_log.cut(run.app, run.operation.created_at, slot.number)
        cut = max(cut, found.ended) + found.broken_off
    counted = replace(
        before,
        served=max(0, total.requests - requests),
        router_errors=max(0, total.router_errors - router_errors),
        app_errors=max(0, total.app_errors - app_errors),
        cut=before.cut + cut,
        is_final=True,
    )
    return (counted,)
