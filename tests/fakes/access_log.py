"""The access log in memory."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime

from pvdify.model.visit import CutVisits, Visit, count_cut


class FakeAccessLog:
    """Holds what a test puts in ``visits``."""

    def __init__(self) -> None:
        self.visits: list[Visit] = []
        self.rotations = 0

    async def tail(self, lines: int, *, app: str | None = None) -> tuple[Visit, ...]:
        """See the port."""
        found = [visit for visit in self.visits if app in (None, visit.app)]
        return tuple(found[max(0, len(found) - lines) :])

    async def follow(self, *, app: str | None = None) -> AsyncIterator[Visit | None]:
        """See the port."""
        seen = len(self.visits)
        while True:
            for visit in self.visits[seen:]:
                seen += 1
                if app in (None, visit.app):
                    yield visit
            yield None
            await asyncio.sleep(0)

    async def cut(self, app: str, since: datetime, slot: int) -> CutVisits:
        """See the port."""
        return count_cut((visit for visit in self.visits if visit.at >= since), app, slot)

    async def rotate(self) -> None:
        """See the port."""
        self.rotations += 1
