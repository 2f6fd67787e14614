"""What the records say at one moment: enough to see what may have to be repaired, not to repair it.

Between a snapshot and a repair an operation may begin or end. Every repair therefore takes the app's lock, reads the
records again, and decides anew.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import structlog

from pvdify.errors import PvdifyError
from pvdify.model.names import job_name
from pvdify.model.operation import Operation, OperationKind
from pvdify.model.slot import Slot, SlotState
from pvdify.ports.store import Store

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """Unfinished operations, the slots that are not retired, and the containers of job runs that are not over."""

    operations: tuple[Operation, ...]
    slots: tuple[Slot, ...]
    job_runs: frozenset[str] = frozenset()

    def is_busy(self, app: str) -> bool:
        """Whether an operation other than a retirement is unfinished."""
        return any(item.app == app and item.kind is not OperationKind.RETIRE for item in self.operations)

    def has_candidate(self, app: str) -> bool:
        """Whether instances of a release that is not live may run."""
        return any(slot.app == app and slot.state is SlotState.CANDIDATE for slot in self.slots)

    def is_retiring(self, app: str, slot: int) -> bool:
        """Whether a retirement of this slot is unfinished."""
        return any(item.app == app and item.slot == slot for item in self.operations)


async def take_snapshot(store: Store) -> Snapshot:
    """Read operations before slots: what an operation left behind is seen once it is no longer unfinished."""
    operations = await store.unsettled_operations()
    runs = await store.unsettled_job_runs()
    names = frozenset(job_name(run.app, run.job, run.number) for run in runs)
    return Snapshot(operations=operations, slots=await store.slots(), job_runs=names)


async def is_settled(store: Store, app: str) -> bool:
    """Whether no operation but retirements is unfinished. Under ``locks.instances`` or ``locks.routes`` it stays so."""
    operations = await store.unsettled_operations(app)
    return all(operation.kind is OperationKind.RETIRE for operation in operations)


@contextmanager
def logged(**context: str) -> Iterator[None]:
    """Log an error of the work inside; the next pass tries again."""
    try:
        yield
    except PvdifyError as error:
        log.warning("reconcile.failed", code=error.code, what=error.what, why=error.why, **context)
