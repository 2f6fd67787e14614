"""Deploy logs: what a release's deploy did, line by line, kept with the release."""

import asyncio
from typing import Protocol

from pvdify.model.deploy_log import LogEntry


class DeployLog(Protocol):
    """One append-only log per app and release."""

    async def append(self, app: str, release: int, *entries: LogEntry) -> None:
        """Add entries. Never raises: a log that cannot be written does not stop a deploy."""
        ...

    async def read(self, app: str, release: int, *, skip: int = 0, most: int | None = None) -> tuple[LogEntry, ...]:
        """The entries so far, without the first ``skip``, at most ``most``; empty if there is no log.

        Reading on where an earlier reading ended costs no more than what is new.
        """
        ...

    def watch(self, app: str, release: int) -> asyncio.Event:
        """Set with the next entry, or the end. Take it before reading, so that no entry is missed between the two."""
        ...

    def end(self, app: str, release: int) -> None:
        """Nothing more will come: who watches looks again at once."""
        ...

    async def remove(self, app: str) -> None:
        """Forget all logs of an app."""
        ...

    async def rename(self, old: str, new: str) -> None:
        """Keep the logs of ``old``, and those of its jobs, under ``new``; done again it changes nothing.

        Never raises: a log that cannot be moved is lost to readers, and the app goes on.
        """
        ...
