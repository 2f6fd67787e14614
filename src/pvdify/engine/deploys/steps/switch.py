"""The commit point: routes new requests to the candidate slot."""

from dataclasses import replace

from pvdify.engine.deploys.plan import step
from pvdify.engine.deploys.step_run import StepRun
from pvdify.engine.deploys.steps.copied import put_copies_in_place
from pvdify.engine.deploys.steps.retire import switch_count
from pvdify.engine.state.jobs.due_times import DueTimes
from pvdify.engine.world.concurrency import settle
from pvdify.engine.world.not_found import no_app
from pvdify.errors import ConfirmFailed
from pvdify.model.app import App, default_hostname, route_of
from pvdify.model.names import slot_key
from pvdify.model.operation import Operation, OperationKind, Strategy
from pvdify.model.probe import DEFAULT_PATH, Answer
from pvdify.model.release import Release, ReleaseStatus
from pvdify.model.route import Route, Traffic
from pvdify.model.slot import Slot, SlotState

CONFIRM_WITHIN = 5.0  # seconds
CONFIRM_PAUSE = 0.05  # seconds between two requests
Baseline = tuple[int, int, int]


async def point_back(run: StepRun) -> None:
    """Restore the previous route. This also reverts a switch that happened but reported a failure."""
    previous, slot = await run.previous(), await run.previous_slot()
    async with run.world.locks.routes(run.app):
        if previous is None:
            await run.tools.serving.remove(run.app)
        else:
            await run.tools.serving.put(await route_to(run, previous, slot))


@step(undo=point_back, commits=True)
async def switch(run: StepRun) -> str:
    """Route new requests to the candidate slot. Raises HostnameTaken, RouterUnavailable."""
    candidate, displaced = await run.candidate(), await run.previous_slot()
    slot = candidate.settled() if candidate else None
    before = run.operation.baseline or (await _counted(run, slot, displaced)).baseline
    app = await _app_of(run)
    wanted = route_of(app, run.world.settings.base_domain, run.manifest, slot)
    due_times = DueTimes(clock=run.world.clock, locks=run.world.locks, store=run.world.store)
    await due_times.until_now(run.app)  # while the schedules of the displaced release still apply
    async with run.world.locks.routes(run.app), run.world.locks.hostnames:
        await run.tools.claims.check_free(run.app, wanted.hostnames, held=await run.held_hostnames(app))
        await run.tools.serving.put(wanted)
    await _record(run, slot, displaced, before)
    return f"v{run.release.version} live"


@step()
async def confirm(run: StepRun) -> None:
    """Send requests through the router until the candidate slot answers. Raises ConfirmFailed.

    A request without any answer proves nothing: held requests of visitors are answered first, and on a busy machine
    that takes longer than ``timeout``. Then the app has as much time as its health check had.
    """
    slot, clock = await run.candidate(), run.world.clock
    if slot is None or (await route_to(run, run.release, slot)).slot is None:
        return  # nothing to ask: no process with a route, or maintenance
    hostname = default_hostname(run.app, run.world.settings.base_domain)
    path = run.manifest.healthcheck.path or DEFAULT_PATH
    begun, patience, answered_by = clock.monotonic(), CONFIRM_WITHIN, None
    while clock.monotonic() < begun + patience:
        result, answered_by = await run.world.router.ask(hostname, path, run.manifest.healthcheck.timeout)
        if answered_by == slot_key(run.app, slot.number):
            return
        if result.answer is Answer.TIMEOUT:
            patience = max(patience, run.manifest.healthcheck.seconds)
        await clock.sleep(CONFIRM_PAUSE)
    raise ConfirmFailed(
        f"{run.app} v{run.release.version} is live, but a request to {hostname} through the router was not answered "
        f"by it within {patience:g} s",
        why=f"the answer came from {answered_by or 'no release'}",
        next=f"`pvdify ps {run.app}` and `pvdify logs {run.app}`"
        + (f"; undo: `pvdify rollback {run.app}`" if run.operation.previous is not None else ""),
    )


async def route_to(run: StepRun, release: Release, slot: Slot | None) -> Route:
    """Return the route that the app should have when this release serves from this slot. Raises AppNotFound."""
    return route_of(await _app_of(run), run.world.settings.base_domain, release.manifest, slot)


async def _app_of(run: StepRun) -> App:
    app = await run.world.store.app(run.app)
    if app is None:
        raise no_app(run.app)
    return app


async def put_route(run: StepRun, wanted: Route) -> None:
    """Put the route into the router, which verifies that it is in force. Raises RouterUnavailable."""
    async with run.world.locks.routes(run.app):
        await run.tools.serving.put(wanted)


async def _counted(run: StepRun, *slots: Slot | None) -> Traffic:
    return sum(await settle(*(run.world.router.traffic(run.app, slot.number) for slot in slots if slot)), Traffic())


async def _record(run: StepRun, slot: Slot | None, displaced: Slot | None, before: Baseline) -> None:
    """Hand in the records that the switch changes; the runner saves them in the write that marks the step done."""
    now = run.world.clock.now()
    previous = await run.previous()
    if previous is not None:
        status = ReleaseStatus.FAILED if previous.is_taken_back else ReleaseStatus.SUPERSEDED
        run.change(replace(previous, status=status))
    if run.operation.strategy is Strategy.MOVE:
        await put_copies_in_place(run)
    if slot is not None:
        run.change(replace(slot, state=SlotState.LIVE, since=now))
    if displaced is not None:
        state = SlotState.STOPPED if displaced.state is SlotState.STOPPED else SlotState.DRAINING
        run.change(replace(displaced, state=state, since=now))
        run.change(_retirement(run, displaced, before))
    run.change(replace(await switch_count(run, run.release.version), is_final=displaced is None))
    receipt = run.release.receipt.opened(now) if run.release.receipt else None
    run.change(replace(run.release, status=ReleaseStatus.ACTIVE, was_live=True, receipt=receipt))


def _retirement(run: StepRun, displaced: Slot, before: Baseline) -> Operation:
    return Operation(
        id=f"{run.app}-v{displaced.number}-retired-by-v{run.release.version}",
        kind=OperationKind.RETIRE,
        app=run.app,
        release=run.release.version,
        slot=displaced.number,
        baseline=before,
        created_at=run.world.clock.now(),
        created_by=run.operation.created_by,
    )
