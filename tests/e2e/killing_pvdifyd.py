"""pvdifyd that kills itself: ``python -m tests.e2e.killing_pvdifyd MOMENT [pvdifyd's own arguments]``.

Moments are counted from 1: one before and one after each write of a deploy's journal, and of what it writes between.
"""

import os
import signal
import sys

from pvdify.adapters.sqlite.store import SqliteStore
from pvdify.daemon.main import main
from pvdify.model.operation import Operation, OperationKind
from pvdify.model.slot import Slot, SlotState
from pvdify.ports.store import Record

moments = 0


def is_about_a_deploy(record: Record) -> bool:
    if isinstance(record, Operation):
        return record.kind is not OperationKind.RETIRE
    return isinstance(record, Slot) and record.state is SlotState.CANDIDATE


def moment(kill_at: int) -> None:
    global moments  # noqa: PLW0603 - this process lives for one count
    moments += 1
    if moments == kill_at:
        os.kill(os.getpid(), signal.SIGKILL)


def arm(kill_at: int) -> None:
    """Kill this process at a moment. A patch, so that the product itself has no such option."""
    save = SqliteStore.save

    async def deadly(self: SqliteStore, *records: Record) -> None:
        counts = any(is_about_a_deploy(record) for record in records)
        if counts:
            moment(kill_at)
        await save(self, *records)
        if counts:
            moment(kill_at)

    SqliteStore.save = deadly  # type: ignore[method-assign]


if __name__ == "__main__":
    arm(int(sys.argv[1]))
    main(sys.argv[2:])
