"""The ``instance_logs`` port on the journal, and on the kept output of containers that run once."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from datetime import datetime

from pvdify.adapters.systemd.journal import Journal
from pvdify.model.instance import LogLine
from pvdify.plumbing.containers import KeptOutput


class SystemdLogs:
    """The logs of instances from the journal, and of containers that run once from ``kept``.

    Shells print secrets in hooks and commands, and the journal is on a disk; ``kept`` is not.
    """

    def __init__(self, journal: Journal, kept: KeptOutput) -> None:
        self._journal = journal
        self._kept = kept

    async def writers(self, app: str) -> tuple[str, ...]:
        return await self._journal.writers(app)

    async def tail(self, names: Sequence[str], lines: int, *, since: datetime | None = None) -> tuple[LogLine, ...]:
        """See the port. If any container's output is kept, reads only from ``kept``."""
        if kept := [name for name in names if self._kept.keeps_output(name)]:
            return await self._kept.tail_output(kept, lines, since)
        return await self._journal.tail(names, lines, since)

    def history(
        self, names: Sequence[str], lines: int, *, since: datetime | None = None
    ) -> AsyncGenerator[tuple[LogLine, ...], None]:
        return self._journal.read(names, lines, since)

    def follow(self, names: Sequence[str], *, since: datetime) -> AsyncIterator[LogLine]:
        if kept := [name for name in names if self._kept.keeps_output(name)]:
            return self._kept.follow_output(kept, since)
        return self._journal.follow(names, since)

    def output(self, name: str, ended: asyncio.Event) -> AsyncIterator[tuple[LogLine, ...]]:
        return self._kept.output(name, ended)

    async def forget(self, app: str) -> None:
        """See the port. The lines stay in the journal until its limits are reached, but are no longer returned."""
        await self._journal.forget(app)
