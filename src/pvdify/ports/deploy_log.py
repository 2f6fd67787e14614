"""Deploy logs: what a release's deploy did, line by line, kept with the release."""

import asyncio
from typing import Protocol

from pvdify.model.deploy_log import LogEntry


class DeployLog(Protocol):
    """One append-only log per app and release."""

    async def append(self, app: str, release: int, entry: LogEntry) -> None:
        """Add an entry. Never raises: a log that cannot be written does not stop a deploy."""
        ...

    async def read(self, app: str, release: int, *, skip: int = 0) -> tuple[LogEntry, ...]:
        """The entries so far, without the first ``skip``; empty if there is no log."""
        ...

    def watch(self, app: str, release: int) -> asyncio.Event:
        """Set with the next entry, or the end. Asked for before reading, it lets nothing slip between the two."""
        ...

    def end(self, app: str, release: int) -> None:
        """Nothing more will come: who watches looks again at once."""
        ...

    async def remove(self, app: str) -> None:
        """Forget all logs of an app."""
        ...
