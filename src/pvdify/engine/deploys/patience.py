"""The time limit of an undo: none, until the container runtime does not answer any more."""

from collections.abc import Awaitable

from pvdify.engine.world.concurrency import within
from pvdify.errors import RuntimeHangs
from pvdify.ports.clock import Clock

SECONDS = 30.0  # for all remaining steps of the undo, from the moment when the runtime is known to hang
LEAST = 3.0  # for each step, also after SECONDS: steps that need no runtime (such as routes) can still be undone


class UndoDeadline:
    """The time limit of one undo. The reconciler repairs what the undo could not finish in time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._until: float | None = None

    @property
    def is_bounded(self) -> bool:
        """Whether the runtime hangs and the time is limited, so that failed steps are not retried."""
        return self._until is not None

    def note(self, error: BaseException | None) -> None:
        """Start the time limit if the error, or one of its causes, says that the runtime did not answer."""
        while error is not None and self._until is None:
            if isinstance(error, RuntimeHangs | TimeoutError):
                self._until = self._clock.monotonic() + SECONDS
            error = error.__cause__

    async def spend(self, work: Awaitable[object]) -> None:
        """Await the work within the time limit. Raises TimeoutError when the time is over, and what the work raises."""
        if self._until is None:
            await work
        else:
            await within(self._clock, max(LEAST, self._until - self._clock.monotonic()), work)
