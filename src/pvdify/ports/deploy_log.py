"""Deploy logs: the progress of each release's deploy, line by line, kept with the release."""

import asyncio
from typing import Protocol

from pvdify.model.deploy_log import LogEntry


class DeployLog(Protocol):
    """One append-only log per app and release."""

    async def append(self, app: str, release: int, *entries: LogEntry) -> None:
        """Add entries. Never raises: a log that cannot be written does not stop a deploy."""
        ...

    async def read(self, app: str, release: int, *, skip: int = 0, most: int | None = None) -> tuple[LogEntry, ...]:
        """Return the log's entries after the first ``skip``, at most ``most``; empty if there is no log.

        Reading on from where an earlier call ended costs only the new entries.
        """
        ...

    def watch(self, app: str, release: int) -> asyncio.Event:
        """Return an event that is set at the next entry or at the end of the log.

        Call this before reading, so that no entry is missed in between.
        """
        ...

    def end(self, app: str, release: int) -> None:
        """Mark the log as complete, and wake its watchers."""
        ...

    async def remove(self, app: str) -> None:
        """Delete all logs of an app."""
        ...

    async def rename(self, old: str, new: str) -> None:
        """Move the logs of app ``old`` and of its jobs to ``new``. Idempotent.

        Never raises: a log that cannot be moved can no longer be read, and the app works without it.
        """
        ...
