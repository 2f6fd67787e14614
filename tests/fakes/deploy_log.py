"""A deploy log in memory."""

import asyncio
from collections import defaultdict

from pvdify.model.deploy_log import LogEntry


class FakeDeployLog:
    """Keeps entries in lists that outlive the engine."""

    def __init__(self) -> None:
        self.entries: defaultdict[tuple[str, int], list[LogEntry]] = defaultdict(list)

    async def append(self, app: str, release: int, entry: LogEntry) -> None:
        self.entries[app, release].append(entry)

    async def read(self, app: str, release: int, *, skip: int = 0) -> tuple[LogEntry, ...]:
        return tuple(self.entries[app, release][skip:])

    async def wait(self, app: str, release: int, seen: int, seconds: float) -> bool:
        await asyncio.sleep(0)
        return len(self.entries[app, release]) > seen

    def end(self, app: str, release: int) -> None:
        pass  # nobody waits here for longer than a turn

    async def remove(self, app: str) -> None:
        for key in [key for key in self.entries if key[0] == app]:
            del self.entries[key]
