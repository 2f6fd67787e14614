"""Containers as such: how they are made, found and ended. Restarting them is not their job."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Protocol

from pvdify.model.instance import Exit, FoundInstance, InstanceSpec, LogLine
from pvdify.plumbing.command_runner import Argv


@dataclass(frozen=True, kw_only=True)
class Launch:
    """How to run one container from a service manager, as programs; none of them holds a config var.

    ``make_network`` and ``make_private_networks`` make what ``run`` connects it to, and fail where that is there.
    ``run`` returns when the program runs, and leaves its main process behind, which notifies. ``before`` comes first,
    ``after`` once it was started or has ended. ``end_processes`` takes ``SECONDS`` more: it sends the stop signal and
    returns when the container has ended, or after this many seconds; it fails if that is impossible. Then ``stop``
    ends what is left; it takes ``--time SECONDS`` more. ``remove`` removes what an earlier ``run`` left, and
    ``exit_code`` prints how that ended. All run in ``directory``, on tmpfs.

    ``id_file`` has the container's id while there is one, ``restarts_file`` the number of starts after the first one;
    ``memory_mark`` is there when memory ran out.
    """

    directory: Path
    before: tuple[Argv, ...]
    make_network: Argv
    run: Argv
    after: Argv
    end_processes: Argv
    stop: Argv
    remove: Argv
    exit_code: Argv
    id_file: Path
    restarts_file: Path
    memory_mark: Path
    make_private_networks: tuple[Argv, ...] = ()


class RetryAdvice(Enum):
    """Whether to retry a ``run`` that failed, and under which name. OTHER_NAME: another container has the name."""

    NO = "no"
    SAME_NAME = "same name"
    OTHER_NAME = "other name"


class Containers(Protocol):
    """The container engine of this host. Sees only what this server made (by label)."""

    async def prepare(self, spec: InstanceSpec, name: str, log_tag: str) -> Launch:
        """Write the files that the container needs at each start, and return how to run it as ``name``.

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

    async def prepare_retry(self, spec: InstanceSpec, words: str) -> RetryAdvice:
        """Return whether and how to retry a ``run`` that failed with this message, prepared anew.

        Removes an obstacle that is this server's own. Raises StartFailed, RuntimeUnavailable.
        """
        ...

    async def remove_earlier(self, spec: InstanceSpec) -> None:
        """Remove what an earlier boot of the host left of this instance, so that its name is free for a start.

        What runs once stays: how it ended is asked for. Raises RuntimeUnavailable.
        """
        ...

    async def find(self, app: str | None = None) -> tuple[FoundInstance, ...]:
        """Every container of ours, running or not; of one app if named. Raises RuntimeUnavailable."""
        ...

    async def is_running(self, name: str) -> bool:
        """Whether the container surely runs; False also if only a slower check could say."""
        ...

    async def stop(self, name: str, grace: float) -> None:
        """As ``Instances.stop``."""
        ...

    async def remove(self, name: str) -> None:
        """Remove the container and what was put down for it. Absent is fine. Raises RuntimeUnavailable."""
        ...

    async def wait_down(self, name: str) -> None:
        """As ``Instances.wait_down``."""
        ...

    async def wait(self, name: str) -> Exit:
        """As ``Instances.wait``."""
        ...

    async def was_out_of_memory(self, container: str) -> bool:
        """Whether the kernel still reports that it killed this container (by id) for its memory limit. Never raises."""
        ...


class KeptOutput(Protocol):
    """What containers wrote whose output is kept beside them, and not in the journal: those that run once."""

    def keeps_output(self, name: str) -> bool:
        """Whether the container writes to where ``tail_output`` and ``follow_output`` read, and not to the journal."""
        ...

    async def tail_output(self, names: Sequence[str], lines: int, since: datetime | None) -> tuple[LogLine, ...]:
        """As ``InstanceLogs.tail``, of those whose output is kept."""
        ...

    def follow_output(self, names: Sequence[str], since: datetime) -> AsyncIterator[LogLine]:
        """As ``InstanceLogs.follow``, of those whose output is kept."""
        ...

    def output(self, name: str, ended: asyncio.Event) -> AsyncIterator[tuple[LogLine, ...]]:
        """As ``InstanceLogs.output``."""
        ...
