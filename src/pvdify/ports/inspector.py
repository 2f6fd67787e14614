"""A look inside running instances: what they use, and where they listen."""

from typing import Protocol

from pvdify.model.instance import Listener, Usage


class Inspector(Protocol):
    """What the kernel knows of the processes in an instance. Nothing runs inside the instance for it."""

    async def usage(self, name: str) -> Usage | None:
        """Return what a running instance uses; None if that is unknown. Never raises."""
        ...

    async def listeners(self, name: str) -> tuple[Listener, ...]:
        """The TCP sockets that listen inside the container, in its own network namespace; empty if it has exited."""
        ...
