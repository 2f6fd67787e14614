"""The output of runs of scheduled jobs, kept after their containers are removed."""

from collections.abc import Sequence
from typing import Protocol

from pvdify.model.instance import LogLine


class JobLog(Protocol):
    """One append-only log per run. Holds no secrets: the caller redacts lines before it appends them."""

    async def append(self, app: str, job: str, number: int, lines: Sequence[LogLine]) -> None:
        """Add lines. Never raises: a log that cannot be written does not stop a run."""
        ...

    async def read(self, app: str, job: str, number: int, *, skip: int = 0) -> tuple[LogLine, ...]:
        """Return the log's lines after the first ``skip``; empty if there is no log."""
        ...

    async def forget(self, app: str, job: str, number: int) -> None:
        """Delete the logs of the job's runs up to this number. Never raises."""
        ...
