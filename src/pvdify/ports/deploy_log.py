"""Deploy logs: what a release's deploy did, line by line, kept with the release."""

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

    async def wait(self, app: str, release: int, seen: int, seconds: float) -> bool:
        """Wait until the log may have more than ``seen`` entries, but not longer than this; whether it may."""
        ...

    def end(self, app: str, release: int) -> None:
        """Nothing more will come: who waits looks again at once."""
        ...

    async def remove(self, app: str) -> None:
        """Forget all logs of an app."""
        ...
