"""A snapshot of the records, used to find what may need a repair.

An operation may begin or end between a snapshot and a repair. Every repair therefore takes the app's lock, reads the
records again, and decides by them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

import structlog

from pvdify.errors import PvdifyError
from pvdify.model.names import job_name
from pvdify.model.operation import Operation, OperationKind
from pvdify.model.slot import Slot, SlotState
from pvdify.ports.store import Store

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """Unfinished operations, slots that are not retired, and the container names of unfinished job runs."""

    operations: tuple[Operation, ...]
    slots: tuple[Slot, ...]
    job_runs: frozenset[str] = frozenset()

    @cached_property
    def placed(self) -> frozenset[str]:
        """The names of all instances that have a place."""
        return frozenset(place.name for slot in self.slots for place in slot.placements)

    def is_busy(self, app: str) -> bool:
        """Whether the app has an unfinished operation other than a retirement."""
        return any(item.app == app and item.kind is not OperationKind.RETIRE for item in self.operations)

    def has_candidate(self, app: str) -> bool:
        """Whether the app has a candidate slot, so that instances of a release that is not live may run."""
        return any(slot.app == app and slot.state is SlotState.CANDIDATE for slot in self.slots)

    def is_retiring(self, app: str, slot: int) -> bool:
        """Whether a retirement of this slot is unfinished."""
        return any(item.app == app and item.slot == slot for item in self.operations)


async def take_snapshot(store: Store) -> Snapshot:
    """Read a snapshot. Raises StoreUnavailable.

    Operations are read before slots: if an operation ends in between, its final slots are in the snapshot.
    """
    operations = await store.unsettled_operations()
    runs = await store.unsettled_job_runs()
    names = frozenset(job_name(run.app, run.job, run.number) for run in runs)
    return Snapshot(operations=operations, slots=await store.slots(), job_runs=names)


async def is_settled(store: Store, app: str) -> bool:
    """Whether the app has no unfinished operation other than retirements. Raises StoreUnavailable.

    While the caller holds ``locks.instances`` or ``locks.routes``, no operation begins.
    """
    operations = await store.unsettled_operations(app)
    return all(operation.kind is OperationKind.RETIRE for operation in operations)


@contextmanager
def logged(**context: str) -> Iterator[None]:
    """Log and suppress a PvdifyError of the work inside; the next pass retries."""
    try:
        yield
    except PvdifyError as error:
        log.warning("reconcile.failed", code=error.code, what=error.what, why=error.why, **context)
