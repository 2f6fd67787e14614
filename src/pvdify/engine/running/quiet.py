"""Decides how much the next pass of the reconciler has to check, and when it is due.

What a pass could repair changes for five reasons, each of which is noticed when it happens: an instance exits (the
kernel reports it), another program makes or removes a container (the container engine reports it), an operation ends,
a record is written, a back-off ends. So while everything is in order, passes are rare.
"""

from collections.abc import Set

from pvdify.engine.world.down import DownTargets
from pvdify.model.observed_instances import ObservedInstances
from pvdify.model.operation import Operation, OperationKind
from pvdify.ports.clock import Clock
from pvdify.ports.container_changes import ContainerChanges

FULL_PAUSE = 300.0  # seconds between two listings of all containers, in case a report was lost


class Quiet:
    """What the last pass found, and whether the containers must be listed again.

    Args:
        changes: None if the runtime reports no changes.
    """

    def __init__(
        self, *, clock: Clock, changes: ContainerChanges | None, down: DownTargets, observed: ObservedInstances
    ) -> None:
        self._clock, self._changes, self._down, self._observed = clock, changes, down, observed
        self._kept: frozenset[str] = frozenset()
        self._is_wanted = True
        self._listed_at: float | None = None
        self._has_failed = False
        self._is_busy = False

    def want_listing(self) -> None:
        """Have the next pass list the containers."""
        self._is_wanted = True

    def begin_listing(self) -> None:
        """Note that the containers are being listed; what changes from now on needs the next listing."""
        self._is_wanted = False
        self._listed_at = self._clock.monotonic()

    def note_listed(self, kept: frozenset[str], running: Set[str]) -> None:
        """Note which instances should run, and which of them the listing showed running.

        If one did not run, only another listing shows that it is back.
        """
        self._kept = kept
        self._is_wanted = self._is_wanted or not kept <= running

    def begin_pass(self) -> None:
        """Forget the failures of the last pass."""
        self._has_failed = False

    def failed(self) -> None:
        """Note that a repair failed, so that the next pass comes soon and checks everything."""
        self._has_failed = self._is_wanted = True

    def note_operations(self, unsettled: tuple[Operation, ...]) -> None:
        """Note which operations are unfinished; while one is, the records can ask for a repair soon."""
        self._is_busy = any(operation.kind is not OperationKind.RETIRE for operation in unsettled)

    def is_listing_due(self, back_off: float | None) -> bool:
        """Whether the containers must be listed now. ``back_off``: seconds until an instance may be restarted."""
        if self._is_wanted or self._listed_at is None or not self._has_reports or back_off is not None:
            return True
        is_old = self._clock.monotonic() - self._listed_at >= FULL_PAUSE
        return is_old or not self._down.is_empty or not self._observed.are_up(self._kept)

    def is_calm(self, back_off: float | None) -> bool:
        """Whether nothing is left to do until something changes."""
        if self._has_failed or self._is_busy or self.is_listing_due(back_off):
            return False
        observed = self._observed
        return observed.router_down_since is None and observed.are_steady(self._kept, self._clock.now())

    @property
    def seconds_to_listing(self) -> float:
        """Seconds until the containers are listed even if nothing was reported."""
        since = self._clock.monotonic() - self._listed_at if self._listed_at is not None else FULL_PAUSE
        return max(0.0, FULL_PAUSE - since)

    @property
    def _has_reports(self) -> bool:
        return self._changes is not None and self._changes.is_reporting
