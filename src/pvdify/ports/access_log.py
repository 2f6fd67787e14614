"""The access log: the visits that the router has answered."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Protocol

from pvdify.model.visit import CutVisits, Visit


class AccessLog(Protocol):
    """The newest visits. No method raises: a log that cannot be read counts as empty."""

    async def tail(self, lines: int, *, app: str | None = None) -> tuple[Visit, ...]:
        """Return the last visits, oldest first; of one app if ``app`` is given."""
        ...

    def follow(self, *, app: str | None = None) -> AsyncIterator[Visit | None]:
        """Yield visits as they end, from now on; yield None after a pause without visits."""
        ...

    async def cut(self, app: str, since: datetime, slot: int) -> CutVisits:
        """Return how many of the app's visits since then were cut, and how many to this slot pvdifyd ended.

        The newest lines may be missing for some milliseconds.
        """
        ...

    async def rotate(self) -> None:
        """Limit the size of the log by deleting its oldest part."""
        ...
