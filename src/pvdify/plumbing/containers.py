"""The interface for making, finding and ending containers. Restarting them is the supervisor's job."""

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
    """The commands with which a service manager runs one container. No argument contains a config var.

    All commands run in ``directory``, on tmpfs. ``before`` runs before each start, ``after`` after each start and
    after each end. ``make_network`` and ``make_private_networks`` make the networks that ``run`` connects the container
    to; they fail if the network exists. ``run`` returns when the program runs, and leaves its main process running,
    which notifies. ``end_processes`` needs a further argument, ``SECONDS``: it sends the stop signal and returns when
    the container has ended, or after this many seconds; it fails if it cannot signal. Then ``stop``, with the further
    arguments ``--time SECONDS``, ends all that is left. ``remove`` removes the container of an earlier ``run``, and
    ``exit_code`` prints that container's exit code.

    ``id_file`` contains the container's id while a container exists, ``restarts_file`` the number of starts after the
    first start. ``memory_mark`` exists if memory ran out.
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
    """The advice after a failed ``run``: whether to retry, and under which name.

    OTHER_NAME: a container that is not this server's has the name.
    """

    NO = "no"
    SAME_NAME = "same name"
    OTHER_NAME = "other name"


class Containers(Protocol):
    """The container engine of this host. Lists only containers that this server made (by label)."""

    async def prepare(self, spec: InstanceSpec, name: str, log_tag: str) -> Launch:
        """Write the files that the container needs at each start, and return how to run it as ``name``.

        The container's lines in the journal have this tag. Containers that run once (hooks, commands) write nothing
        to the journal.

        Raises RuntimeUnavailable.
        """
        ...

    async def check(
        self, spec: InstanceSpec, exit_code: int, words: str, tail: Callable[[], Awaitable[Sequence[LogLine]]]
    ) -> None:
        """Raise StartFailed with the reason if ``run`` did not start the instance.

        Args:
            spec: the instance.
            exit_code: of ``run``.
            words: what ``run`` wrote to stderr.
            tail: reads the instance's last lines.
        """
        ...

    async def prepare_retry(self, spec: InstanceSpec, words: str) -> RetryAdvice:
        """Return whether and how to retry a ``run`` that failed with this message; the retry needs a new ``prepare``.

        Removes an obstacle that this server made. Raises StartFailed, RuntimeUnavailable.
        """
        ...

    async def remove_earlier(self, spec: InstanceSpec) -> None:
        """Remove the instance's container from before the host's last boot, so that its name is free for a start.

        Keeps containers that run once, because their exit codes are still needed. Raises RuntimeUnavailable.
        """
        ...

    async def find(self, app: str | None = None) -> tuple[FoundInstance, ...]:
        """Return every container of this server, running or not; only those of ``app`` if given.

        Raises RuntimeUnavailable.
        """
        ...

    async def is_running(self, name: str) -> bool:
        """Return True if the container surely runs. False can also mean that only a slower check can decide."""
        ...

    async def stop(self, name: str, grace: float) -> None:
        """As ``Instances.stop``."""
        ...

    async def remove(self, name: str) -> None:
        """Remove the container and its files; do nothing if there is none. Raises RuntimeUnavailable."""
        ...

    async def wait_down(self, name: str) -> None:
        """As ``Instances.wait_down``."""
        ...

    async def wait(self, name: str) -> Exit:
        """As ``Instances.wait``."""
        ...

    async def was_out_of_memory(self, container: str) -> bool:
        """Return whether the kernel still reports that it killed this container for its memory limit. Never raises.

        Args:
            container: the container's id.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Unended:
    """The text after the last line end of a stream.

    ``pieces``: what was written at once, with times. ``lines_before``: the lines of the stream that
    were written together with its first piece, at least this many unless the end ``is_exact``; ``line_before``: the end
    of the newest line of the stream. ``passed_on``: the bytes of the text that the journal has got.
    """

    stream: str
    pieces: tuple[tuple[datetime, bytes], ...]
    lines_before: int
    line_before: bytes
    passed_on: int

    @property
    def data(self) -> bytes:
        """The whole text."""
        return b"".join(data for _, data in self.pieces)

    @property
    def begun(self) -> datetime:
        """When its first piece was written."""
        return self.pieces[0][0]

    @property
    def at(self) -> datetime:
        """When its last piece was written."""
        return self.pieces[-1][0]


@dataclass(frozen=True, kw_only=True)
class OutputEnd:
    """The end of a running container's output: a point in the sequence of its lines, and the text after it.

    ``ended_at``: when the newest lines were written, None before the first line; ``ended``: how many lines were
    written together then, at least this many unless ``is_exact``. ``unended`` is ordered by ``at``.
    """

    container: str
    ended_at: datetime | None
    ended: int
    is_exact: bool
    unended: tuple[Unended, ...]


class OutputEnds(Protocol):
    """What containers with a journal have written after their last line end, which the journal does not have yet."""

    def reader(self, name: str) -> Callable[[], OutputEnd | None]:
        """Return a function that reads the end of this instance's output; it returns None if there is none to read.

        Calling it again costs almost nothing while nothing is written.
        """
        ...


class KeptOutput(Protocol):
    """The output of containers that run once: the container engine keeps it, and the journal does not."""

    def keeps_output(self, name: str) -> bool:
        """Return whether ``tail_output`` and ``follow_output`` read this container's output; else the journal does."""
        ...

    async def tail_output(self, names: Sequence[str], lines: int, since: datetime | None) -> tuple[LogLine, ...]:
        """As ``InstanceLogs.tail``, for containers whose output is kept."""
        ...

    def follow_output(self, names: Sequence[str], since: datetime) -> AsyncIterator[LogLine]:
        """As ``InstanceLogs.follow``, for containers whose output is kept."""
        ...

    def output(self, name: str, ended: asyncio.Event) -> AsyncIterator[tuple[LogLine, ...]]:
        """As ``InstanceLogs.output``."""
        ...
