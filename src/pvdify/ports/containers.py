"""Containers as such: how they are made, found and ended. Who keeps them running is somebody else's business."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Protocol

from pvdify.model.instance import Exit, FoundInstance, InstanceSpec, Listener, LogLine, Usage
from pvdify.ports.command_runner import Argv


@dataclass(frozen=True, kw_only=True)
class Launch:
    """How to run one container from a service manager, as programs; none of them holds a config var.

    ``make_network`` makes what ``run`` connects it to, and fails where that is there.
    ``run`` returns when the program runs, and leaves its main process behind, which notifies. ``before`` comes first,
    ``after`` once it was started or has ended. ``stop`` takes ``--time SECONDS`` more. ``remove`` removes what an
    earlier ``run`` left, and ``exit_code`` prints how that ended. All run in ``directory``, on tmpfs.

    ``id_file`` has the container's id while there is one, ``restarts_file`` the number of starts after the first one;
    ``memory_mark`` is there when memory ran out.
    """

    directory: Path
    before: tuple[Argv, ...]
    make_network: Argv
    run: Argv
    after: Argv
    stop: Argv
    remove: Argv
    exit_code: Argv
    id_file: Path
    restarts_file: Path
    memory_mark: Path


class Way(Enum):
    """What to do after a ``run`` that failed. OTHER_NAME: its name is somebody else's."""

    CLOSED = "closed"
    SAME_NAME = "same name"
    OTHER_NAME = "other name"


class Containers(Protocol):
    """The container engine of this host. Sees only what this server made (by label)."""

    async def prepare(self, spec: InstanceSpec, name: str, log_tag: str) -> Launch:
        """Put down what the container needs at each start, and say how to run it as ``name``.

        In the journal its lines have this tag; what runs once (a hook, a command) writes nothing there.

        Raises RuntimeUnavailable.
        """
        ...

    async def check(
        self, spec: InstanceSpec, exit_code: int, words: str, tail: Callable[[], Awaitable[Sequence[LogLine]]]
    ) -> None:
        """Whether ``run`` did start it: its exit code, what it wrote to stderr, and how to read its last lines.

        Raises StartFailed with the reason.
        """
        ...

    async def make_way(self, spec: InstanceSpec, words: str) -> Way:
        """Whether and how a ``run`` that failed with these words should be tried again, prepared anew.

        What stood in the way and was ours is gone then. Raises StartFailed, RuntimeUnavailable.
        """
        ...

    async def find(self, app: str | None = None) -> tuple[FoundInstance, ...]:
        """Every container of ours, running or not; of one app if named. Raises RuntimeUnavailable."""
        ...

    async def is_running(self, name: str) -> bool:
        """Whether the container surely runs; False also where only a slower look could tell."""
        ...

    async def stop(self, name: str, grace: float) -> None:
        """As ``Supervisor.stop``."""
        ...

    async def remove(self, name: str) -> None:
        """Remove the container and what was put down for it. Absent is fine. Raises RuntimeUnavailable."""
        ...

    async def wait_down(self, name: str) -> None:
        """As ``Supervisor.wait_down``."""
        ...

    async def wait(self, name: str) -> Exit:
        """As ``Supervisor.wait``."""
        ...

    async def usage(self, name: str) -> Usage | None:
        """As ``Supervisor.usage``."""
        ...

    async def listeners(self, name: str) -> tuple[Listener, ...]:
        """As ``Supervisor.listeners``."""
        ...

    async def networks(self) -> frozenset[str]:
        """As ``Supervisor.networks``."""
        ...

    async def remove_network(self, app: str) -> None:
        """As ``Supervisor.remove_network``."""
        ...

    def keeps_output(self, name: str) -> bool:
        """Whether the container writes to where ``tail_output`` and ``follow_output`` read, and not to the journal."""
        ...

    async def tail_output(self, names: Sequence[str], lines: int, since: datetime | None) -> tuple[LogLine, ...]:
        """As ``Supervisor.tail``, of those whose output is kept."""
        ...

    def follow_output(self, names: Sequence[str], since: datetime) -> AsyncIterator[LogLine]:
        """As ``Supervisor.follow``, of those whose output is kept."""
        ...

    async def was_out_of_memory(self, container: str) -> bool:
        """Whether the kernel still tells that it killed this container (by id) for its memory limit. Never raises."""
        ...
