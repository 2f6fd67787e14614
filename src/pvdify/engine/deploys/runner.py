"""The runner: runs the steps of a plan, journals each step before and after, and undoes failed operations.

Rules: Record first. Each step observes, acts and verifies. A failure before the commit point undoes every step; after
the commit point nothing is undone. Undo runs backwards, and includes the step that failed half-way. An operation can be
canceled before its commit point only.
"""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace

import structlog

from pvdify.engine.deploys.patience import UndoDeadline
from pvdify.engine.deploys.plan import Plan, Step
from pvdify.engine.deploys.plans import plan_of
from pvdify.engine.deploys.step_run import StepRun, StepTools
from pvdify.engine.world import World
from pvdify.errors import DeployCanceled, DeploySuperseded, GuardTripped, InternalError, PvdifyError, by_code
from pvdify.model.action import Action
from pvdify.model.deploy_log import EntryKind
from pvdify.model.event import Event
from pvdify.model.operation import Operation, OperationKind, OperationState, StepRecord, StepState
from pvdify.model.release import Failure, Receipt, ReleaseStatus

log = structlog.get_logger()
UNDO_PAUSES = (0.5, 2.0, 8.0)  # seconds before each retry of an undo that failed


@dataclass(frozen=True, kw_only=True)
class _Outcome:
    """The final state of an operation, and its error."""

    state: OperationState
    error: PvdifyError | None = None


class Runner:
    """Runs operations. The caller (the worker) runs only one operation of an app at a time, besides retirements."""

    def __init__(self, *, world: World, tools: StepTools) -> None:
        self._world, self.tools = world, tools
        self._running: dict[str, StepRun] = {}

    async def begin(self, operation: Operation) -> StepRun:
        """Mark the operation as running, and return its context for ``run``.

        Raises StoreUnavailable; then nothing has changed.
        """
        run = StepRun(world=self._world, tools=self.tools, operation=operation)
        await run.load()
        await self._begin(run, plan_of(operation))
        self._running[operation.id] = run
        return run

    async def run(self, run: StepRun) -> None:
        """Run the operation to its end, starting at the step that its journal says is next.

        Raises StoreUnavailable if the journal cannot be written; then read the operation from the store, and call
        ``begin`` and ``run`` again.
        """
        try:
            if run.operation.state is OperationState.UNDOING:
                await self._undo(run, _error_of(run.operation))
            else:
                await self._run_steps(run)
        finally:
            del self._running[run.operation.id]

    async def request_cancel(self, operation_id: str) -> bool:
        """Record, in the journal and for the running steps, that the operation is to be canceled.

        Returns False if it does not run or is past its commit point. Raises StoreUnavailable.
        """
        run = self._running.get(operation_id)
        if run is None or _is_committed(run.operation, plan_of(run.operation)):
            return False
        run.operation = replace(run.operation, is_cancel_requested=True)
        await self._world.store.save(run.operation)
        return True

    async def _begin(self, run: StepRun, plan: Plan) -> None:
        if run.operation.state is OperationState.RUNNING:
            await run.note("the server was restarted; going on")
        if run.operation.state is not OperationState.QUEUED:
            return
        live = await self._world.store.active_release(run.app)
        run.operation = replace(
            run.operation.moved_to(OperationState.RUNNING),
            started_at=self._world.clock.now(),
            previous=live.version if live else None,
            steps=plan.records(),
        )
        await _begin_next(run)
        if _is_about_a_release(run.operation):
            run.change(replace(run.release, status=ReleaseStatus.DEPLOYING))
        await run.save(run.operation, *run.take_changes())

    async def _run_steps(self, run: StepRun) -> None:
        """Run the steps that are not done yet, then record the outcome.

        Before the commit point, the first failure starts the undo. After it, a failure is kept for the outcome, and the
        remaining steps still run.
        """
        problem: PvdifyError | None = None
        for step in _steps_of(run):
            recorded = run.operation.step(step.name).state
            if recorded is StepState.DONE:
                continue
            # A step that failed before pvdifyd restarted is not retried: its failure is handled as it was then.
            error = _error_of(run.operation) if recorded is StepState.FAILED else await self._do(run, step)
            if error is None:
                continue
            if not _is_committed(run.operation, plan_of(run.operation)):
                await self._undo(run, error)
                return
            # The outcome has one error: a tripped guard (which rolls back) is more important than any other.
            problem = error if isinstance(error, GuardTripped) else problem or error
        if not run.is_gone:
            state = OperationState.NEEDS_ATTENTION if problem else OperationState.SUCCEEDED
            await self._finish(run, _Outcome(state=state, error=problem))

    async def _do(self, run: StepRun, step: Step) -> PvdifyError | None:
        """Run one step, journaled before and after; return its error, or None. Raises StoreUnavailable."""
        run.current_step = step.name
        begun = self._world.clock.monotonic()
        try:
            if not _is_committed(run.operation, plan_of(run.operation)):
                run.check_canceled()
            if run.operation.step(step.name).state is not StepState.DOING:
                await self._journal(run, StepRecord(name=step.name, state=StepState.DOING))
            await run.log_started(step.name)
            text = await step.do(run)
        except Exception as error:
            return await self._failed(run, step, _as_pvdify_error(error, run), self._world.clock.monotonic() - begun)
        if run.is_gone:
            return None
        seconds = self._world.clock.monotonic() - begun
        await self._journal(run, StepRecord(name=step.name, state=StepState.DONE, seconds=seconds, text=text or ""))
        self._world.tally.step(run.operation.kind.value, step.name, seconds)
        following = next((each.name for each in run.operation.steps if each.state is StepState.DOING), None)
        await run.log_done(text, seconds, following)
        log.info("step.done", **_log_context(run), step=step.name, ms=round(seconds * 1000))
        return None

    async def _failed(self, run: StepRun, step: Step, error: PvdifyError, seconds: float) -> PvdifyError:
        """Mark the step as failed; that is saved with what follows: the undo, the next step or the end."""
        run.take_changes()  # discard the records that the failed step wanted to save
        failed = StepRecord(name=step.name, state=StepState.FAILED, seconds=seconds, text=error.what)
        run.operation = replace(run.operation, error=Failure.of(error)).with_step(failed)
        if not isinstance(error, DeployCanceled):
            await run.log(EntryKind.STEP_FAILED, error.what, seconds=seconds)
        log.info("step.failed", **_log_context(run), step=step.name, code=error.code, what=error.what, why=error.why)
        return error

    async def _undo(self, run: StepRun, error: PvdifyError | None) -> None:
        """Undo every begun step, the last one first, then record the outcome. A failed undo does not end the loop.

        Each undo is saved as begun before it begins, and as done with the next one's begin or with the outcome.
        """
        left: list[str] = []
        patience = UndoDeadline(self._world.clock)
        patience.note(error)
        run.operation = run.operation.moved_to(OperationState.UNDOING)
        for step in reversed(plan_of(run.operation).steps):
            record = run.operation.step(step.name)
            if step.undo is None or record.state in (StepState.PENDING, StepState.UNDONE):
                continue
            run.current_step = step.name
            await self._journal(run, replace(record, state=StepState.UNDOING))
            if not await self._undo_step(run, step, patience):
                left.append(step.name)
                continue
            run.operation = run.operation.with_step(replace(record, state=StepState.UNDONE))
        await self._finish(run, _outcome_of_undo(error, left))

    async def _undo_step(self, run: StepRun, step: Step, patience: UndoDeadline) -> bool:
        """Undo one step, with retries; return whether it succeeded. If the runtime hangs, try once, in limited time."""
        for pause in (*UNDO_PAUSES, None):
            try:
                if step.undo is not None:
                    await patience.spend(step.undo(run))
            except Exception as error:
                patience.note(error)
                what = str(error) if isinstance(error, TimeoutError) else _as_pvdify_error(error, run).what
                log.warning("undo.failed", **_log_context(run), step=step.name, error=what)
                run.take_changes()
                if pause is None or patience.is_bounded:
                    return False
                await self._world.clock.sleep(pause)
            else:
                return True
        return False

    async def _finish(self, run: StepRun, outcome: _Outcome) -> None:
        """Save the end of the operation in one write: its state, the release, the receipt and an event.

        Raises StoreUnavailable.
        """
        now, operation = self._world.clock.now(), run.operation
        run.operation = replace(
            operation.moved_to(outcome.state),
            finished_at=now,
            error=Failure.of(outcome.error) if outcome.error else None,
        )
        if _is_about_a_release(operation):
            self._settle_release(run, outcome)
        elif operation.kind.is_about_processes:
            run.change(self._event(run, outcome.state.value, outcome.error))
        await run.save(run.operation, *run.take_changes())
        self._world.tally.finished(run.app, operation.kind.value, outcome.state.value)
        if operation.release is not None:
            self._world.deploy_log.end(run.app, operation.release)
        log.info("operation.finished", **_log_context(run), state=outcome.state.value)

    def _settle_release(self, run: StepRun, outcome: _Outcome) -> None:
        release, error = run.release, outcome.error
        status = release.status
        if status is not ReleaseStatus.ACTIVE:
            status = _status_for(error)
        receipt = replace(release.receipt or Receipt(), steps=_steps(run.operation), seconds=_seconds(run.operation))
        if not receipt.is_open:  # the route could not be put back: requests were held or refused until now, at least
            receipt = receipt.opened(self._world.clock.now())
        failure = Failure.of(error) if error else None
        run.change(replace(release, status=status, failure=failure, receipt=receipt))
        verb = "live" if status is ReleaseStatus.ACTIVE else status.value
        run.change(self._event(run, verb, error))

    def _event(self, run: StepRun, verb: str, error: PvdifyError | None) -> Event:
        return Event(
            at=self._world.clock.now(),
            actor=run.operation.created_by,
            action=Action(f"{run.operation.kind.value}.{verb}"),
            app=run.app,
            release=run.operation.release or run.operation.previous,
            text=f"{error.code}: {error.what}" if error else _described(run),
        )

    async def _journal(self, run: StepRun, record: StepRecord) -> None:
        """Save the step's state and the records that the step changed, in one write. Raises StoreUnavailable.

        Each write waits for the disk. So the write that marks a step done also marks the next one begun, and the end of
        the last step is saved with the end of the operation.
        """
        run.operation = run.operation.with_step(record)
        if record.state is StepState.DONE:
            await _begin_next(run)
        run.operation = _arranged(run.operation)
        if not _is_through(run):
            await run.save(run.operation, *run.take_changes())


async def _begin_next(run: StepRun) -> None:
    """Mark the next step with work as begun, and the steps before it, which have none, as done. Saves nothing.

    Marks nothing if the operation is to be canceled.
    """
    while (following := _following(run)) is not None:
        if following.has_work is None or await following.has_work(run):
            run.operation = run.operation.with_step(StepRecord(name=following.name, state=StepState.DOING))
            return
        run.operation = run.operation.with_step(StepRecord(name=following.name, state=StepState.DONE, seconds=0.0))


def _is_through(run: StepRun) -> bool:
    """Whether every step of the plan is done."""
    return all(run.operation.step(step.name).state is StepState.DONE for step in plan_of(run.operation).steps)


def _arranged(operation: Operation) -> Operation:
    """Return the operation with its steps in the order of its plan: a step may have changed the plan."""
    names = [step.name for step in plan_of(operation).steps]
    others = tuple(step for step in operation.steps if step.name not in names)
    return replace(operation, steps=(*(operation.step(name) for name in names), *others))


def _steps_of(run: StepRun) -> Iterator[Step]:
    """Yield the steps in order. A step may change the plan, and so the steps after it."""
    seen: set[str] = set()
    while step := next((step for step in plan_of(run.operation).steps if step.name not in seen), None):
        seen.add(step.name)
        yield step


def _following(run: StepRun) -> Step | None:
    """Return the step that begins now, after one is done; None at the end, or if the operation is to be canceled."""
    plan = plan_of(run.operation)
    if run.operation.is_cancel_requested and not _is_committed(run.operation, plan):
        return None
    return next((it for it in plan.steps if run.operation.step(it.name).state is StepState.PENDING), None)


def _is_about_a_release(operation: Operation) -> bool:
    """Whether the operation changes the status of its release: deploys and rollbacks do."""
    return operation.kind in (OperationKind.DEPLOY, OperationKind.ROLLBACK)


def _described(run: StepRun) -> str:
    if run.operation.change is not None:
        return str(run.operation.change)
    return run.release.description


def _is_committed(operation: Operation, plan: Plan) -> bool:
    return any(step.commits and operation.step(step.name).state is StepState.DONE for step in plan.steps)


def _as_pvdify_error(error: Exception, run: StepRun) -> PvdifyError:
    """Return a PvdifyError as it is; log any other error, and return an InternalError with a reference to the log."""
    if isinstance(error, PvdifyError):
        return error
    reference = secrets.token_hex(4)
    log.error("step.crashed", **_log_context(run), reference=reference, exc_info=error)
    return InternalError(
        f"{run.app}: pvdify itself failed in the step {run.current_step}",
        why=f"{type(error).__name__}; reference {reference}",
        next="search pvdifyd's log for the reference, and report it",
    )


def _error_of(operation: Operation) -> PvdifyError | None:
    """Return the error that the journal has for the operation, as from before a restart of pvdifyd, or None."""
    if operation.error is None:
        return None
    kept = operation.error
    return by_code().get(kept.code, InternalError)(kept.what, why=kept.why, next=kept.next)


def _outcome_of_undo(error: PvdifyError | None, left: list[str]) -> _Outcome:
    if left and error is not None:
        error.next = f"{error.next} Could not be put back: {', '.join(left)}; pvdifyd keeps trying."
        return _Outcome(state=OperationState.NEEDS_ATTENTION, error=error)
    is_canceled = isinstance(error, DeployCanceled)
    return _Outcome(state=OperationState.CANCELED if is_canceled else OperationState.FAILED, error=error)


def _status_for(error: PvdifyError | None) -> ReleaseStatus:
    if isinstance(error, DeployCanceled):
        return ReleaseStatus.CANCELED
    return ReleaseStatus.SUPERSEDED if isinstance(error, DeploySuperseded) else ReleaseStatus.FAILED


def _steps(operation: Operation) -> dict[str, float]:
    return {step.name: round(step.seconds, 6) for step in operation.steps if step.seconds is not None}


def _seconds(operation: Operation) -> float:
    return round(sum(_steps(operation).values()), 6)


def _log_context(run: StepRun) -> dict[str, object]:
    return {"app": run.app, "release": run.operation.release, "operation": run.operation.id}
