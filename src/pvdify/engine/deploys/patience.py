"""How long an undo may take: as long as it needs, until something on the server does not answer any more."""

from collections.abc import Awaitable

from pvdify.engine.world.concurrency import within
from pvdify.errors import RuntimeHangs
from pvdify.ports.clock import Clock

SECONDS = 30.0  # for all that is left to undo, from when it is known that the runtime hangs
LEAST = 3.0  # for one step after that: what needs no runtime, as a route, is put back all the same


class Patience:
    """Of one undo. What it does not get done in its time is left to the reconciler."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._until: float | None = None

    @property
    def is_bounded(self) -> bool:
        """Whether the runtime hangs, so that nothing is tried twice."""
        return self._until is not None

    def note(self, error: BaseException | None) -> None:
        """This went wrong; where the cause is that the runtime did not answer, the time that is left is bounded."""
        while error is not None and self._until is None:
            if isinstance(error, RuntimeHangs | TimeoutError):
                self._until = self._clock.monotonic() + SECONDS
            error = error.__cause__

    async def spend(self, work: Awaitable[object]) -> None:
        """Do this. Raises TimeoutError when its time is over, and what the work raises."""
        if self._until is None:
            await work
        else:
            await within(self._clock, max(LEAST, self._until - self._clock.monotonic()), work)
