"""Resource use and listeners of running instances."""

from typing import Protocol

from pvdify.model.instance import Listener, Usage


class Inspector(Protocol):
    """The kernel's figures about the processes of an instance. Runs no program inside the instance."""

    async def usage(self, name: str) -> Usage | None:
        """Return the resource use of a running instance; None if unknown. Never raises."""
        ...

    async def listeners(self, name: str) -> tuple[Listener, ...]:
        """Return the listening TCP sockets in the container's network namespace; empty if the container has exited."""
        ...
