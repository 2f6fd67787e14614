"""podman with its input and output connected to a client."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol

from pvdify.model.one_off import Output, TerminalSize
from pvdify.plumbing.command_runner import Argv
from pvdify.ports.attached import Attached

ENDED = 143  # the exit code of a program that SIGTERM has ended, as shells count


class Attach(Protocol):
    """A function that starts a program with its input and output connected to the caller."""

    def __call__(self, argv: Argv, *, directory: Path, terminal: TerminalSize | None) -> Awaitable[Attached]:
        """Raises RuntimeUnavailable if the program is not installed."""
        ...


class AttachedPodman:
    """An attached podman process. podman forwards input and output, and exits with the command's exit code.

    Args:
        process: the podman process.
        end_command: ends the command in the container; called before podman itself is ended.
        clear: removes podman's temporary files; called after podman has ended.
    """

    def __init__(
        self, process: Attached, end_command: Callable[[], Awaitable[None]], clear: Callable[[], None] = lambda: None
    ) -> None:
        self._process = process
        self._end_command = end_command
        self._clear = clear
        self._is_ended = False
        self._code: int | None = None

    async def read(self) -> Output | None:
        return await self._process.read()

    async def write(self, data: bytes) -> None:
        await self._process.write(data)

    async def close_input(self) -> None:
        await self._process.close_input()

    def resize(self, size: TerminalSize) -> None:
        self._process.resize(size)

    async def wait(self) -> int:
        """See the port. A command that was ended before its exit was seen is no success, even if podman exits with 0.

        podman does that if it is ended itself before it has read the exit code, as on a busy machine.
        """
        code = await self._process.wait()
        if self._code is None:
            self._code = code or (ENDED if self._is_ended else 0)
        return self._code

    async def end(self) -> None:
        self._is_ended = True
        try:
            await self._end_command()
        finally:
            await self._process.end()
            self._clear()
