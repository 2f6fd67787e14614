"""A deploy log in memory."""

import asyncio
from collections import defaultdict

from pvdify.model.deploy_log import LogEntry


class FakeDeployLog:
    """Keeps entries in lists that outlive the engine."""

    def __init__(self) -> None:
        self.entries: defaultdict[tuple[str, int], list[LogEntry]] = defaultdict(list)
        self.grown: defaultdict[tuple[str, int], asyncio.Event] = defaultdict(asyncio.Event)

    async def append(self, app: str, release: int, *entries: LogEntry) -> None:
        self.entries[app, release].extend(entries)
        self.end(app, release)

    async def read(self, app: str, release: int, *, skip: int = 0, most: int | None = None) -> tuple[LogEntry, ...]:
        return tuple(self.entries[app, release][skip:][:most])

    def watch(self, app: str, release: int) -> asyncio.Event:
        return self.grown[app, release]

    def end(self, app: str, release: int) -> None:
        self.grown.pop((app, release), asyncio.Event()).set()

    async def remove(self, app: str) -> None:
        for key in [key for key in self.entries if key[0] == app]:
            del self.entries[key]

    async def rename(self, old: str, new: str) -> None:
        for app, release in [key for key in self.entries if key[0] == old]:
            self.entries[new, release] = self.entries.pop((app, release))
