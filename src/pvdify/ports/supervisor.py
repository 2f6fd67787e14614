"""Instances: start, stop, find, watch, and read what they wrote."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Protocol

from pvdify.model.instance import Exit, FoundInstance, InstanceSpec, Listener, LogLine, Restart, Usage

LONGEST_LINE = 256 * 1024  # a line of more characters comes in pieces, each of at least as many but the last


class Supervisor(Protocol):
    """The container runtime of this host. Sees only what this server made (by label)."""

    async def find(self, app: str | None = None) -> tuple[FoundInstance, ...]:
        """Every container of ours, running or not; of one app if named. Raises RuntimeUnavailable."""
        ...

    async def start(self, spec: InstanceSpec) -> None:
        """Make and start the container, or start the one that is there already under this name.

        Raises:
            StartFailed: the runtime refused; ``why`` has its words.
            RuntimeUnavailable: the runtime does not answer.
        """
        ...

    async def create(self, spec: InstanceSpec) -> None:
        """Make the container without starting it; nothing happens if it exists. Raises as ``start``."""
        ...

    async def stop(self, name: str, grace: float) -> None:
        """SIGTERM, then SIGKILL after ``grace`` seconds (0: at once); done when it has exited. Absent is fine.

        Raises RuntimeUnavailable.
        """
        ...

    async def remove(self, name: str) -> None:
        """Remove the container, killing it if it runs; its logs stay. Absent is fine. Raises RuntimeUnavailable."""
        ...

    async def networks(self) -> frozenset[str]:
        """The apps that have a network here: what runs of an app is on it, and nothing of other apps.

        Raises RuntimeUnavailable.
        """
        ...

    async def remove_network(self, app: str) -> None:
        """Remove the app's network, unless something is still on it. Absent is fine. Raises RuntimeUnavailable."""
        ...

    async def forget_logs(self, app: str) -> None:
        """Delete what the app's containers wrote, once they are gone. Never raises."""
        ...

    async def wait_down(self, name: str) -> None:
        """Wait until the container's program has ended (at once if it has), however it did: sooner than ``wait`` knows.

        Raises RuntimeUnavailable.
        """
        ...

    async def wait(self, name: str) -> Exit:
        """Wait until the container has exited (at once if it has). One that is gone counts as killed (137).

        Raises RuntimeUnavailable.
        """
        ...

    async def restarts(self) -> tuple[Restart, ...]:
        """The exits after which this supervisor started an instance again by itself, until they are forgotten.

        Raises RuntimeUnavailable.
        """
        ...

    async def forget_restarts(self, restarts: Sequence[Restart]) -> None:
        """These have been noted. Raises RuntimeUnavailable."""
        ...

    async def usage(self, name: str) -> Usage | None:
        """What a running instance uses; None where nothing can be told. Never raises."""
        ...

    async def listeners(self, name: str) -> tuple[Listener, ...]:
        """The TCP sockets that listen inside the container, in its own network namespace; empty if it has exited."""
        ...

    async def writers(self, app: str) -> tuple[str, ...]:
        """The names of the app's instances that have left lines, also of those that are long gone, in any order.

        Not of what runs once. Raises RuntimeUnavailable.
        """
        ...

    async def tail(self, names: Sequence[str], lines: int, *, since: datetime | None = None) -> tuple[LogLine, ...]:
        """The last lines of these instances together, oldest first; also after the containers are gone."""
        ...

    def follow(self, names: Sequence[str], *, since: datetime) -> AsyncIterator[LogLine]:
        """Lines of these instances written after ``since``, as they come, without end."""
        ...
