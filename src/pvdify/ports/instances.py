"""Instances: start, stop, find and watch containers."""

from collections.abc import Sequence
from typing import Protocol

from pvdify.model.instance import Exit, FoundInstance, InstanceSpec, Restart


class Instances(Protocol):
    """The containers of this server. Only containers with this server's labels are visible."""

    async def find(self, app: str | None = None) -> tuple[FoundInstance, ...]:
        """Return this server's containers, running or not; of one app if given. Raises RuntimeUnavailable."""
        ...

    async def is_running(self, name: str) -> bool:
        """Return True if the container certainly runs now; False also if only ``find`` could tell. Never raises.

        Cheap: asks the kernel, not the runtime.
        """
        ...

    async def start(self, spec: InstanceSpec) -> None:
        """Create and start the container, or start an existing container with this name.

        Raises:
            StartFailed: the runtime refused; ``why`` has the runtime's message.
            RuntimeUnavailable: the runtime does not answer.
        """
        ...

    async def create(self, spec: InstanceSpec) -> None:
        """Create the container without starting it; does nothing if it exists. Raises as ``start``."""
        ...

    async def refresh(self, spec: InstanceSpec) -> None:
        """Give a running container this environment and these networks from its next start on.

        Commands that enter the container get the environment at once. Raises RuntimeUnavailable.
        """
        ...

    async def stop(self, name: str, grace: float) -> None:
        """Send SIGTERM, then SIGKILL after ``grace`` seconds (0: at once); return when the container has exited.

        Absent is fine. Raises RuntimeUnavailable.
        """
        ...

    async def remove(self, name: str) -> None:
        """Remove the container, killing it if it runs. Its logs stay. Absent is fine. Raises RuntimeUnavailable."""
        ...

    async def wait_down(self, name: str) -> None:
        """Wait until the container's program has ended; return at once if it has. Returns sooner than ``wait``.

        Raises RuntimeUnavailable.
        """
        ...

    async def wait(self, name: str) -> Exit:
        """Wait until the container has exited; return at once if it has. A missing container counts as killed (137).

        Raises RuntimeUnavailable.
        """
        ...

    async def restarts(self) -> tuple[Restart, ...]:
        """Return the exits after which the runtime restarted an instance by itself, except forgotten ones.

        Raises RuntimeUnavailable.
        """
        ...

    async def forget_restarts(self, restarts: Sequence[Restart]) -> None:
        """Remove these from the results of ``restarts``, once they are recorded. Raises RuntimeUnavailable."""
        ...
