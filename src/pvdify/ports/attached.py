"""Programs whose input and output are connected to a client."""

from typing import Protocol

from pvdify.model.instance import InstanceSpec
from pvdify.model.one_off import Output, TerminalSize


class Attached(Protocol):
    """A running program with its input and output."""

    async def read(self) -> Output | None:
        """Return the next piece of the program's output; None once the program has closed its output."""
        ...

    async def write(self, data: bytes) -> None:
        """Write to the program's input. Blocks until the program reads; the data is lost if the program has ended."""
        ...

    async def close_input(self) -> None:
        """Close the program's input."""
        ...

    def resize(self, size: TerminalSize) -> None:
        """Change the size of the program's terminal, if it has one."""
        ...

    async def wait(self) -> int:
        """Wait until the program ends, and return its exit code."""
        ...

    async def end(self) -> None:
        """End the program and remove its container, if it has one of its own, after the container's stop signal.

        Raises RuntimeUnavailable.
        """
        ...


class OneOffs(Protocol):
    """Commands in containers of their own, which are removed afterwards."""

    async def start(self, spec: InstanceSpec, terminal: TerminalSize | None) -> Attached:
        """Run a container with its input and output connected, on a terminal of this size or, if None, on plain pipes.

        The output is not stored. If the container cannot be started, the reason that podman gives is on stderr.

        Raises RuntimeUnavailable.
        """
        ...


class Inside(Protocol):
    """Commands and connections inside running instances."""

    async def enter(
        self, instance: str, number: int, command: str | tuple[str, ...], terminal: TerminalSize | None
    ) -> Attached:
        """Run a command in the instance's container, with the instance's config vars.

        ``number`` distinguishes the commands in one instance. The end of the command does not affect the instance.

        Raises NothingRuns, RuntimeUnavailable.
        """
        ...

    async def connect(self, instance: str, port: int) -> Attached:
        """Connect to a TCP port on loopback inside the container; the exit code is 1 if no program listens on the port.

        Raises NothingRuns, RuntimeUnavailable.
        """
        ...
