"""The interface for running programs: always with an argument tuple, never with a shell string."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

Argv = tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Completed:
    """The result of a program that ended. ``stdout`` and ``stderr`` are UTF-8; undecodable bytes are replaced."""

    argv: Argv
    exit_code: int
    stdout: str = field(repr=False)
    stderr: str


class Piped(Protocol):
    """A running program whose input and output are streams."""

    async def write(self, data: bytes) -> bool:
        """Write to the program's stdin; wait until there is room. Return False if the program closed its stdin."""
        ...

    async def close_input(self) -> None:
        """Close the program's stdin."""
        ...

    def output(self) -> AsyncIterator[bytes]:
        """Yield what the program writes to stdout, until the program closes stdout."""
        ...

    async def wait(self) -> Completed:
        """Wait for the program's end; return its exit code and the end of its stderr. ``stdout`` is empty."""
        ...


class CommandRunner(Protocol):
    """A runner of programs on this host."""

    async def run(
        self,
        argv: Argv,
        *,
        stdin: bytes = b"",
        environment: Mapping[str, str] | None = None,
        directory: Path | None = None,
        timeout: float = 60.0,
    ) -> Completed:
        """Run the program to its end and return the result, whatever the exit code.

        Args:
            argv: program and arguments. Pass no secrets here: other users of the host can list them.
            stdin: the program's whole input.
            environment: variables added to those of this process.
            directory: working directory.
            timeout: seconds. After them, and on cancellation, the program gets SIGTERM, then SIGKILL.

        Raises:
            RuntimeUnavailable: the program is not installed, or did not end in time.
        """
        ...

    def pipe(
        self, argv: Argv, *, environment: Mapping[str, str] | None = None
    ) -> AbstractAsyncContextManager[Piped]:  # fmt: skip
        """Run the program with input and output as streams. On exit from the context the program is ended.

        Raises:
            RuntimeUnavailable: the program is not installed.
        """
        ...

    def stream(self, argv: Argv) -> AbstractAsyncContextManager[AsyncIterator[str]]:
        """Run the program and yield its output line by line, stdout and stderr together.

        On exit from the context the program is ended.

        Raises:
            RuntimeUnavailable: the program is not installed.
        """
        ...
