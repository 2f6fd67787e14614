"""Rate limits of callers, counted in memory."""

import math

from pvdify.errors import TooManyRequests
from pvdify.model.allowance import Allowance, allowance
from pvdify.ports.clock import Clock

MOST_CALLERS = 10_000  # above this number, idle callers are forgotten; if that is not enough, all callers are


class Limit:
    """A token bucket for each caller, with room for ``most`` tokens, refilled with ``per_second``."""

    def __init__(self, clock: Clock, what: str, *, most: float, per_second: float) -> None:
        self._clock, self._what = clock, what
        self._most, self._per_second = most, per_second
        self._callers: dict[str, Allowance] = {}

    def check(self, caller: str) -> None:
        """Raise TooManyRequests if this caller has no token left. Takes no token."""
        wait = self._of(caller).wait
        if wait > 0:
            seconds = math.ceil(wait)
            raise TooManyRequests(
                f"too many {self._what}",
                why=f"{self._most:g} may come at once, then {self._per_second * 60:g} a minute",
                next=f"send the request again in {seconds} s",
                details={"retry_after": seconds},
            )

    def take(self, caller: str) -> None:
        """Take one token of this caller."""
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
