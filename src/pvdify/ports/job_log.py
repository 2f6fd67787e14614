"""What the runs of scheduled jobs wrote, kept after their containers are gone."""

from collections.abc import Sequence
from typing import Protocol

from pvdify.model.instance import LogLine


class JobLog(Protocol):
    """One append-only log per run. Holds no secrets: what is appended was redacted before."""

    async def append(self, app: str, job: str, number: int, lines: Sequence[LogLine]) -> None:
        """Add lines. Never raises: a log that cannot be written does not stop a run."""
        ...

    async def read(self, app: str, job: str, number: int, *, skip: int = 0) -> tuple[LogLine, ...]:
        """The lines so far, without the first ``skip``; empty if there is no log."""
        ...

    async def count(self, app: str, job: str, number: int) -> int:
        """How many lines there are."""
        ...

    async def forget(self, app: str, job: str, number: int) -> None:
        """Delete the logs of the runs up to this number. Never raises."""
        ...
