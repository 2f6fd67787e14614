"""Logs of instances: what their programs wrote, while they run and after they are gone."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from datetime import datetime
from typing import Protocol

from pvdify.model.instance import LogLine

LONGEST_LINE = 256 * 1024  # a line of more characters comes in parts, each of at least as many but the last
BATCH = 500  # lines; what ``history`` has in memory is a few times that
PATIENCE = 1.0  # seconds after which a follower is given what an instance wrote without ending the line


class InstanceLogs(Protocol):
    """What instances write to their stdout and stderr."""

    async def writers(self, app: str) -> tuple[str, ...]:
        """The names of the app's instances that have left lines, also of those that are long gone, in any order.

        Not of what runs once. Raises RuntimeUnavailable.
        """
        ...

    async def tail(self, names: Sequence[str], lines: int, *, since: datetime | None = None) -> tuple[LogLine, ...]:
        """The last lines of these instances together, oldest first; also after the containers are gone.

        What an instance has written without ending the line is its last line, and a part.
        """
        ...

    def history(
        self, names: Sequence[str], lines: int, *, since: datetime | None = None
    ) -> AsyncGenerator[tuple[LogLine, ...], None]:
        """The same lines as ``tail``, in batches, for numbers of lines that are too large for memory."""
        ...

    def follow(self, names: Sequence[str], *, since: datetime) -> AsyncIterator[LogLine]:
        """Lines of these instances written after ``since``, as they come, without end.

        A line that is not ended within PATIENCE comes in parts.
        """
        ...

    def output(self, name: str, ended: asyncio.Event) -> AsyncIterator[tuple[LogLine, ...]]:
        """Yield what a container that runs once writes, from its beginning, in batches.

        Once ``ended`` is set, what is there is read to its end. Of very much output the middle is left out, and a line
        says how much.
        """
        ...

    async def forget(self, app: str) -> None:
        """Delete what the app's containers wrote, once they are gone. Never raises."""
        ...
