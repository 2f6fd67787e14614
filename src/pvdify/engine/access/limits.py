"""Rate limits of callers, counted in memory."""

import math

from pvdify.errors import TooManyRequests
from pvdify.model.allowance import Allowance, allowance
from pvdify.ports.clock import Clock

MOST_CALLERS = 10_000  # beyond that, idle callers are forgotten, then all of them


class Limit:
    """``most`` turns at once for each caller, and ``per_second`` more as time passes."""

    def __init__(self, clock: Clock, what: str, *, most: float, per_second: float) -> None:
        self._clock, self._what = clock, what
        self._most, self._per_second = most, per_second
        self._callers: dict[str, Allowance] = {}

    def check(self, caller: str) -> None:
        """Raises TooManyRequests when this caller has no turn left; takes none."""
        wait = self._of(caller).wait
        if wait > 0:
            seconds = math.ceil(wait)
            raise TooManyRequests(
                f"too many {self._what}",
                why=f"{self._most:g} may come at once, then {self._per_second * 60:g} a minute",
                next=f"the same again in {seconds} s",
                details={"retry_after": seconds},
            )

    def take(self, caller: str) -> None:
        """One turn of this caller is gone."""
        if len(self._callers) >= MOST_CALLERS:
            self._forget()
        self._callers[caller] = self._of(caller).used()

    def _of(self, caller: str) -> Allowance:
        now = self._clock.monotonic()
        known = self._callers.get(caller)
        return known.at(now) if known else allowance(self._most, self._per_second, now)

    def _forget(self) -> None:
        now = self._clock.monotonic()
        self._callers = {name: it for name, it in self._callers.items() if not it.at(now).is_full}
        if len(self._callers) >= MOST_CALLERS:
            self._callers.clear()
