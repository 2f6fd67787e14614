"""The clock. A port, so that tests control the time."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """A source of the time that can also wait."""

    def now(self) -> datetime:
        """Return the current time, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never go backwards, from an arbitrary start."""
        ...

    async def sleep(self, seconds: float) -> None: ...
