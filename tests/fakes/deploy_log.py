"""A deploy log in memory."""

import asyncio
from collections import defaultdict

from pvdify.model.deploy_log import LogEntry


class FakeDeployLog:
    """Keeps entries in lists that outlive the engine."""

    def __init__(self) -> None:
        self.entries: defaultdict[tuple[str, int], list[LogEntry]] = defaultdict(list)
        self.grown: defaultdict[tuple[str, int], asyncio.Event] = defaultdict(asyncio.Event)

    async def append(self, app: str, release: int, entry: LogEntry) -> None:
        self.entries[app, release].append(entry)
        self.end(app, release)

    async def read(self, app: str, release: int, *, skip: int = 0) -> tuple[LogEntry, ...]:
        return tuple(self.entries[app, release][skip:])

    def watch(self, app: str, release: int) -> asyncio.Event:
        return self.grown[app, release]

    def end(self, app: str, release: int) -> None:
        self.grown.pop((app, release), asyncio.Event()).set()

    async def remove(self, app: str) -> None:
        for key in [key for key in self.entries if key[0] == app]:
            del self.entries[key]
