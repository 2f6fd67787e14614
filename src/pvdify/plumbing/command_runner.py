"""Starting programs: always an argument tuple, never a shell string."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

Argv = tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Completed:
    """A program that ended. ``stdout`` and ``stderr`` are decoded as UTF-8, undecodable bytes replaced."""

    argv: Argv
    exit_code: int
    stdout: str = field(repr=False)
    stderr: str


class Piped(Protocol):
    """A program whose input and output are read and written as it goes."""

    async def write(self, data: bytes) -> bool:
        """Give it this to read, as soon as it takes it; return False once it reads no more."""
        ...

    async def close_input(self) -> None:
        """It has nothing more to read."""
        ...

    def output(self) -> AsyncIterator[bytes]:
        """What it writes to stdout, until it closes it."""
        ...

    async def wait(self) -> Completed:
        """How it ended, with the end of its stderr and no stdout."""
        ...


class CommandRunner(Protocol):
    """Runs programs on this host."""

    async def run(
        self,
        argv: Argv,
        *,
        stdin: bytes = b"",
        environment: Mapping[str, str] | None = None,
        directory: Path | None = None,
        timeout: float = 60.0,
    ) -> Completed:
        """Run to the end, whatever the exit code.

        Args:
            argv: program and arguments; secrets do not belong here.
            stdin: what the program can read.
            environment: variables added to ours.
            directory: working directory.
            timeout: seconds after which the program is ended: asked first, then killed. So it is on cancellation.

        Raises:
            RuntimeUnavailable: the program is not installed, or did not end in time.
        """
        ...

    def pipe(
        self, argv: Argv, *, environment: Mapping[str, str] | None = None
    ) -> AbstractAsyncContextManager[Piped]:  # fmt: skip
        """Run with input and output as streams; leaving kills it.

        Raises:
            RuntimeUnavailable: the program is not installed.
        """
        ...

    def stream(self, argv: Argv) -> AbstractAsyncContextManager[AsyncIterator[str]]:
        """Run and yield the program's output (stdout and stderr together) line by line; leaving kills it.

        Raises:
            RuntimeUnavailable: the program is not installed.
        """
        ...
