"""The access log: what visitors asked the router for, and what they got."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Protocol

from pvdify.model.visit import Visit


class AccessLog(Protocol):
    """The newest visits. No method raises: a log that cannot be read is an empty one."""

    async def tail(self, lines: int, *, app: str | None = None) -> tuple[Visit, ...]:
        """The last visits, of one app if it is named, oldest first."""
        ...

    def follow(self, *, app: str | None = None) -> AsyncIterator[Visit | None]:
        """Visits as they end, from now on; None when there has been nothing for a while."""
        ...

    async def cut(self, app: str, since: datetime) -> int:
        """The number of the app's answers that had begun since then and broke off; see ``Visit.is_cut``."""
        ...

    async def rotate(self) -> None:
        """Keep the log from growing for ever; what is old goes."""
        ...
