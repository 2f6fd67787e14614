"""The runner: carries a plan out, journals every move, and undoes what must not stay.

The rules it keeps: record first; look, act, check (each step does); one commit point, before which a failure puts
everything back and after which nothing is undone; undo runs backwards and covers the step that failed half-way;
cancel is honoured before the commit point.
"""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace

import structlog

from pvdify.engine.deploys.patience import Patience
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
UNDO_PAUSES = (0.5, 2.0, 8.0)  # seconds before each new try of an undo that failed


@dataclass(frozen=True, kw_only=True)
class _Outcome:
    """How an operation ends."""

    state: OperationState
    error: PvdifyError | None = None


class Runner:
    """Runs one operation at a time per call; the caller keeps an app's operations apart."""

    def __init__(self, *, world: World, tools: StepTools) -> None:
        self._world, self.tools = world, tools
        self._running: dict[str, StepRun] = {}

    async def begin(self, operation: Operation) -> StepRun:
        """Take it from the queue: from here on it runs. Raises StoreUnavailable, and then it does not."""
        run = StepRun(world=self._world, tools=self.tools, operation=operation)
        await run.load()
        await self._begin(run, plan_of(operation))
        self._running[operation.id] = run
        return run

    async def run(self, run: StepRun) -> None:
        """Carry the operation out from wherever its journal says it is.

        Raises StoreUnavailable when the journal cannot be written: it is to be begun again from what is there.
        """
        try:
            if run.operation.state is OperationState.UNDOING:
                await self._undo(run, _error_of(run.operation))
            else:
                await self._go(run)
        finally:
            del self._running[run.operation.id]

    async def request_cancel(self, operation_id: str) -> bool:
        """Note, in the journal and for the running steps, that it is to be stopped; False if it is too late.

        Raises StoreUnavailable.
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
        if _is_about_a_release(run.operation):
            run.change(replace(run.release, status=ReleaseStatus.DEPLOYING))
        await run.save(run.operation, *run.take_changes())

    async def _go(self, run: StepRun) -> None:
        """Do the steps that are not done yet; past the commit point a failure is kept, and the rest still happens."""
        problem: PvdifyError | None = None
        for step in _steps_of(run):
            recorded = run.operation.step(step.name).state
            if recorded is StepState.DONE:
                continue
            # A step that an earlier life of the daemon saw fail is not tried again; what follows from it is.
            error = _error_of(run.operation) if recorded is StepState.FAILED else await self._do(run, step)
            if error is None:
                continue
            if not _is_committed(run.operation, plan_of(run.operation)):
                await self._undo(run, error)
                return
            # That a release is taken back outweighs what else went wrong after its switch.
            problem = error if isinstance(error, GuardTripped) else problem or error
        if not run.is_gone:
            state = OperationState.NEEDS_ATTENTION if problem else OperationState.SUCCEEDED
            await self._finish(run, _Outcome(state=state, error=problem))

    async def _do(self, run: StepRun, step: Step) -> PvdifyError | None:
        """One step, journaled before and after; what went wrong, if anything."""
        run.current_step = step.name
        begun = self._world.clock.monotonic()
        try:
            if not _is_committed(run.operation, plan_of(run.operation)):
                run.check_canceled()
            await self._journal(run, StepRecord(name=step.name, state=StepState.DOING))
            await run.log(EntryKind.STEP_STARTED, "")
            text = await step.do(run)
        except Exception as error:
            return await self._failed(run, step, _known(error, run), self._world.clock.monotonic() - begun)
        if run.is_gone:
            return None
        seconds = self._world.clock.monotonic() - begun
        await self._journal(run, StepRecord(name=step.name, state=StepState.DONE, seconds=seconds, text=text or ""))
        self._world.tally.step(run.operation.kind.value, step.name, seconds)
        if text is not None:
            await run.log(EntryKind.STEP_DONE, text, seconds=seconds)
        log.info("step.done", **_bound(run), step=step.name, ms=round(seconds * 1000))
        return None

    async def _failed(self, run: StepRun, step: Step, error: PvdifyError, seconds: float) -> PvdifyError:
        run.take_changes()  # a failed step made none of it true
        run.operation = replace(run.operation, error=Failure.of(error))
        await self._journal(run, StepRecord(name=step.name, state=StepState.FAILED, seconds=seconds, text=error.what))
        if not isinstance(error, DeployCanceled):
            await run.log(EntryKind.STEP_FAILED, error.what, seconds=seconds)
        log.info("step.failed", **_bound(run), step=step.name, code=error.code, what=error.what, why=error.why)
        return error

    async def _undo(self, run: StepRun, error: PvdifyError | None) -> None:
        """Undo every step, the last one first, also if an undo fails; then record the outcome."""
        left: list[str] = []
        patience = Patience(self._world.clock)
        patience.note(error)
        run.operation = run.operation.moved_to(OperationState.UNDOING)
        await run.save(run.operation)
        for step in reversed(plan_of(run.operation).steps):
            record = run.operation.step(step.name)
            if step.undo is None or record.state in (StepState.PENDING, StepState.UNDONE):
                continue
            run.current_step = step.name
            await self._journal(run, replace(record, state=StepState.UNDOING))
            if not await self._undo_step(run, step, patience):
                left.append(step.name)
                continue
            await self._journal(run, replace(record, state=StepState.UNDONE))
        await self._finish(run, _outcome_of_undo(error, left))

    async def _undo_step(self, run: StepRun, step: Step, patience: Patience) -> bool:
        """Whether it worked, after a few tries; one, in bounded time, where the runtime hangs."""
        for pause in (*UNDO_PAUSES, None):
            try:
                if step.undo is not None:
                    await patience.spend(step.undo(run))
            except Exception as error:
                patience.note(error)
                what = str(error) if isinstance(error, TimeoutError) else _known(error, run).what
                log.warning("undo.failed", **_bound(run), step=step.name, error=what)
                run.take_changes()
                if pause is None or patience.is_bounded:
                    return False
                await self._world.clock.sleep(pause)
            else:
                return True
        return False

    async def _finish(self, run: StepRun, outcome: _Outcome) -> None:
        """The last write: state of the operation and of its release, the receipt, and an event, all at once."""
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
        log.info("operation.finished", **_bound(run), state=outcome.state.value)

    def _settle_release(self, run: StepRun, outcome: _Outcome) -> None:
        release, error = run.release, outcome.error
        status = release.status
        if status is not ReleaseStatus.ACTIVE:
            status = _status_for(error)
        receipt = replace(release.receipt or Receipt(), steps=_steps(run.operation), seconds=_seconds(run.operation))
        if not receipt.is_open:  # what could not be put back answers nothing until now, at least
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
        """Write the step's state together with everything that became true with it."""
        run.operation = run.operation.with_step(record)
        await run.save(run.operation, *run.take_changes())


def _steps_of(run: StepRun) -> Iterator[Step]:
    """The steps in order; a step may change the plan of what comes after it."""
    seen: set[str] = set()
    while step := next((step for step in plan_of(run.operation).steps if step.name not in seen), None):
        seen.add(step.name)
        yield step


def _is_about_a_release(operation: Operation) -> bool:
    """Whether the operation decides the fate of its release."""
    return operation.kind in (OperationKind.DEPLOY, OperationKind.ROLLBACK)


def _described(run: StepRun) -> str:
    if run.operation.change is not None:
        return str(run.operation.change)
    return run.release.description


def _is_committed(operation: Operation, plan: Plan) -> bool:
    return any(step.commits and operation.step(step.name).state is StepState.DONE for step in plan.steps)


def _known(error: Exception, run: StepRun) -> PvdifyError:
    """The error as people may see it; a fault of ours becomes a reference, its detail goes to the log."""
    if isinstance(error, PvdifyError):
        return error
    reference = secrets.token_hex(4)
    log.error("step.crashed", **_bound(run), reference=reference, exc_info=error)
    return InternalError(
        f"{run.app}: pvdify itself failed in the step {run.current_step}",
        why=f"{type(error).__name__}; reference {reference}",
        next="look for the reference in pvdifyd's log, and report it",
    )


def _error_of(operation: Operation) -> PvdifyError | None:
    """The error that an earlier life of the daemon wrote into the journal."""
    if operation.error is None:
        return None
    kept = operation.error
    return by_code().get(kept.code, InternalError)(kept.what, why=kept.why, next=kept.next)


def _outcome_of_undo(error: PvdifyError | None, left: list[str]) -> _Outcome:
    if left and error is not None:
        error.next = f"{error.next} Could not be put back: {', '.join(left)}; pvdifyd goes on trying."
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


def _bound(run: StepRun) -> dict[str, object]:
    return {"app": run.app, "release": run.operation.release, "operation": run.operation.id}
