"""podman with its input and output connected to a client."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol

from pvdify.model.one_off import Output, TerminalSize
from pvdify.plumbing.command_runner import Argv
from pvdify.ports.attached import Attached


class Attach(Protocol):
    """Starts a program with us at its ends."""

    def __call__(self, argv: Argv, *, directory: Path, terminal: TerminalSize | None) -> Awaitable[Attached]:
        """Raises RuntimeUnavailable when it is not installed."""
        ...


class AttachedPodman:
    """podman as a client sees it: it passes on input and output, and exits as the command did.

    Args:
        process: the attached podman.
        end_command: ends the command, before podman itself is ended.
        clear: removes the files that podman had in use, after it has ended.
    """

    def __init__(
        self, process: Attached, end_command: Callable[[], Awaitable[None]], clear: Callable[[], None] = lambda: None
    ) -> None:
        self._process = process
        self._end_command = end_command
        self._clear = clear

    async def read(self) -> Output | None:
        return await self._process.read()

    async def write(self, data: bytes) -> None:
        await self._process.write(data)

    async def close_input(self) -> None:
        await self._process.close_input()

    def resize(self, size: TerminalSize) -> None:
        self._process.resize(size)

    async def wait(self) -> int:
        return await self._process.wait()

    async def end(self) -> None:
        try:
            await self._end_command()
        finally:
            await self._process.end()
            self._clear()
