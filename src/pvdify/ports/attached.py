"""A program with somebody at its ends."""

from typing import Protocol

from pvdify.model.instance import InstanceSpec
from pvdify.model.one_off import Output, TerminalSize


class Attached(Protocol):
    """A program that runs, its input and output in our hands."""

    async def read(self) -> Output | None:
        """The next piece of what it writes; None once it has closed its output."""
        ...

    async def write(self, data: bytes) -> None:
        """Let it read this, as soon as it takes it; lost when it has ended."""
        ...

    async def close_input(self) -> None:
        """It has nothing more to read."""
        ...

    def resize(self, size: TerminalSize) -> None:
        """Its terminal, if it has one, has another size now."""
        ...

    async def wait(self) -> int:
        """How it ended."""
        ...

    async def end(self) -> None:
        """It has ended, and nothing of it is left; whatever it was doing. Raises RuntimeUnavailable."""
        ...


class OneOffs(Protocol):
    """Commands in containers of their own, which leave nothing behind."""

    async def start(self, spec: InstanceSpec, terminal: TerminalSize | None) -> Attached:
        """Run the container with somebody at its ends; without ``terminal``, on plain pipes.

        What it writes is kept nowhere. A container that could not be started ends with podman's words on stderr.

        Raises RuntimeUnavailable.
        """
        ...
