"""Logs of instances: the output of their programs, during and after their life."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from datetime import datetime
from typing import Protocol

from pvdify.model.instance import LogLine

LONGEST_LINE = 256 * 1024  # characters; a longer line is split into parts, each at least this long except the last
BATCH = 500  # lines; ``history`` holds a few times this many in memory
PATIENCE = 1.0  # seconds; after them a follower gets the unfinished line of an instance as a part


class InstanceLogs(Protocol):
    """The lines that instances write to stdout and stderr."""

    async def writers(self, app: str) -> tuple[str, ...]:
        """Return the names of the app's instances that have written lines, including removed instances, in any order.

        Containers that run once are left out. Raises RuntimeUnavailable.
        """
        ...

    async def tail(self, names: Sequence[str], lines: int, *, since: datetime | None = None) -> tuple[LogLine, ...]:
        """Return the last lines of these instances together, oldest first, including removed instances.

        The unfinished line of an instance counts as its last line and is marked as a part.
        """
        ...

    def history(
        self, names: Sequence[str], lines: int, *, since: datetime | None = None
    ) -> AsyncGenerator[tuple[LogLine, ...], None]:
        """Yield the same lines as ``tail`` in batches, for numbers of lines that do not fit in memory."""
        ...

    def follow(self, names: Sequence[str], *, since: datetime) -> AsyncIterator[LogLine]:
        """Yield lines of these instances that are written after ``since``, as they are written, without end.

        A line that is not finished within PATIENCE is split into parts.
        """
        ...

    def output(self, name: str, ended: asyncio.Event) -> AsyncIterator[tuple[LogLine, ...]]:
        """Yield the output of a container that runs once, from its beginning, in batches.

        Once ``ended`` is set, reads the remaining output and ends. The middle of very long output is left out, and a
        line says how much is missing.
        """
        ...

    async def forget(self, app: str) -> None:
        """Delete the logs of the app's containers, after the containers are removed. Never raises."""
        ...
