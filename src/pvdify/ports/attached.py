"""A program whose input and output are connected to a client."""

from typing import Protocol

from pvdify.model.instance import InstanceSpec
from pvdify.model.one_off import Output, TerminalSize


class Attached(Protocol):
    """A program that runs, with its input and output."""

    async def read(self) -> Output | None:
        """The next piece of what it writes; None once it has closed its output."""
        ...

    async def write(self, data: bytes) -> None:
        """Write to its input, as soon as it reads; lost if it has ended."""
        ...

    async def close_input(self) -> None:
        """Close its input."""
        ...

    def resize(self, size: TerminalSize) -> None:
        """Change the size of its terminal, if it has one."""
        ...

    async def wait(self) -> int:
        """Wait for its end, and return the exit code."""
        ...

    async def end(self) -> None:
        """End it and leave nothing of it. A container gets its stop signal first. Raises RuntimeUnavailable."""
        ...


class OneOffs(Protocol):
    """Commands in containers of their own, which leave nothing behind."""

    async def start(self, spec: InstanceSpec, terminal: TerminalSize | None) -> Attached:
        """Run the container with its input and output connected; without ``terminal``, on plain pipes.

        What it writes is kept nowhere. A container that could not be started ends with podman's words on stderr.

        Raises RuntimeUnavailable.
        """
        ...


class Inside(Protocol):
    """Commands and connections inside instances that run already."""

    async def enter(
        self, instance: str, number: int, command: str | tuple[str, ...], terminal: TerminalSize | None
    ) -> Attached:
        """Run a command in the instance's container, with the config vars that the instance has.

        ``number`` differs between commands in one instance. Its end leaves the instance as it is.

        Raises NothingRuns, RuntimeUnavailable.
        """
        ...

    async def connect(self, instance: str, port: int) -> Attached:
        """Connect to a TCP port on loopback inside the container; it ends with 1 where nothing listens.

        Raises NothingRuns, RuntimeUnavailable.
        """
        ...
