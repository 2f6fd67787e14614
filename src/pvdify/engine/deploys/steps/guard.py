"""Watches the error rate of a release after its switch, and rolls back if the rate is too high."""

from dataclasses import replace

from pvdify.engine.deploys.plan import step
from pvdify.engine.deploys.step_run import StepRun
from pvdify.engine.world.runtimes import fitting
from pvdify.errors import GuardTripped, RouterUnavailable
from pvdify.model.action import Action
from pvdify.model.event import Event
from pvdify.model.guard import Verdict, judge
from pvdify.model.operation import Operation, OperationKind, OperationState, Strategy, operation_id
from pvdify.model.release import Failure, Release
from pvdify.model.route import Traffic
from pvdify.model.slot import Slot

PAUSE = 1.0
ACTOR = "pvdify"


async def is_on(run: StepRun) -> bool:
    """Return whether the manifest has a limit for errors."""
    return run.manifest.guard.is_on


@step(has_work=is_on)
async def guard(run: StepRun) -> str | None:
    """Watch the error rate for the guard's window; if the rate is above the manifest's limit, enqueue a rollback.

    Raises GuardTripped after a rollback was enqueued.
    """
    slot, previous = await run.candidate(), await run.previous()
    if not run.manifest.guard.is_on or slot is None or previous is None or not slot.targets:
        return None
    if await run.is_past_router():
        return "not watched: visitors do not come through the router"
    if run.release.is_taken_back and run.release.failure:  # the rollback was enqueued before pvdifyd restarted
        kept = run.release.failure
        raise GuardTripped(kept.what, why=kept.why, next=kept.next)
    if (ended := _time_left(run, slot)) is None:
        return "not watched: its period had ended before pvdifyd could check"
    verdict = judge(Traffic(), Traffic(), run.manifest.guard.max_error_rate)
    while ended is not None:
        if await _has_waiting_operation(run):
            return f"{verdict}; not watched to the end, because a newer operation waits"
        verdict = await _compare_traffic(run, slot) or verdict
        if verdict.is_too_bad and await _enqueue_rollback(run, previous, verdict):
            raise _tripped(run, previous, verdict)
        await run.world.clock.sleep(min(PAUSE, ended))
        ended = _time_left(run, slot)
    return str(verdict)


def _time_left(run: StepRun, slot: Slot) -> float | None:
    """Return the seconds until the guard's window, which began with the switch, ends; None if it has ended."""
    left = run.manifest.guard.window - (run.world.clock.now() - slot.since).total_seconds()
    return left if left > 0 else None


async def _compare_traffic(run: StepRun, slot: Slot) -> Verdict | None:
    """Compare the traffic of the release and of the previous one; None if the router does not answer."""
    displaced = await run.previous_slot()
    try:
        now = await run.world.router.traffic(run.app, slot.number)
        before = await run.world.router.traffic(run.app, displaced.number) if displaced else Traffic()
    except RouterUnavailable:
        return None
    return judge(now, before, run.manifest.guard.max_error_rate)


async def _has_waiting_operation(run: StepRun) -> bool:
    """Whether another operation of the app waits; retirements do not count."""
    operations = await run.world.store.unsettled_operations(run.app)
    return any(it.state is OperationState.QUEUED and it.kind is not OperationKind.RETIRE for it in operations)


async def _enqueue_rollback(run: StepRun, previous: Release, verdict: Verdict) -> bool:
    """Record that the release failed, and enqueue a rollback; return False if another operation waits already.

    Both are in one write: if pvdifyd dies, either nothing was recorded, or the rollback happens.
    """
    async with run.world.locks.queue(run.app):
        if await _has_waiting_operation(run):
            return False
        newest = (await run.world.store.releases(run.app, limit=1))[0]
        now, share = run.world.clock.now(), verdict.errors / verdict.requests * 100
        why = f", because v{run.release.version} answered {share:.1f} % of its requests with errors"
        rollback = previous.repeated(version=newest.version + 1, at=now, by=ACTOR, why=why)
        rollback = await fitting(run.world.store, run.world.settings, rollback)
        operation = Operation(
            id=operation_id(run.app, rollback.version), kind=OperationKind.ROLLBACK, app=run.app,
            release=rollback.version, strategy=_rollback_strategy(run.operation.strategy), created_at=now,
            created_by=ACTOR,
        )  # fmt: skip
        event = Event(
            at=now,
            actor=ACTOR,
            action=Action.GUARD_TRIPPED,
            app=run.app,
            release=run.release.version,
            text=str(verdict),
        )
        failure = Failure.of(_tripped(run, previous, verdict))
        await run.save(replace(run.release, failure=failure), rollback, operation, event)
    return True


def _tripped(run: StepRun, previous: Release, verdict: Verdict) -> GuardTripped:
    return GuardTripped(
        f"{run.app} v{run.release.version} was taken back: it answered {verdict}",
        why=f"the manifest's guard allows {verdict.limit * 100:g} %",
        next=f"v{previous.version} is being put back; `pvdify logs {run.app} --release {run.release.version}` "
        f"shows what went wrong, `pvdify releases {run.app}` what is live",
    )


def _rollback_strategy(strategy: Strategy) -> Strategy:
    """Return the strategy of the rollback: STOP_FIRST after HAND_OVER, because the volume has to be handed back."""
    return Strategy.STOP_FIRST if strategy is Strategy.HAND_OVER else strategy
