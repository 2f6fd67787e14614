"""Instances: start, stop, find and watch them."""

from collections.abc import Sequence
from typing import Protocol

from pvdify.model.instance import Exit, FoundInstance, InstanceSpec, Restart


class Instances(Protocol):
    """The containers of this server: it sees only those that it made, which it knows by their labels."""

    async def find(self, app: str | None = None) -> tuple[FoundInstance, ...]:
        """Every container of ours, running or not; of one app if named. Raises RuntimeUnavailable."""
        ...

    async def is_running(self, name: str) -> bool:
        """Whether the container surely runs at this moment; False also if only ``find`` could say. Never raises.

        Asks the kernel and no runtime, so it costs next to nothing.
        """
        ...

    async def start(self, spec: InstanceSpec) -> None:
        """Make and start the container, or start the one that is there already under this name.

        Raises:
            StartFailed: the runtime refused; ``why`` has its words.
            RuntimeUnavailable: the runtime does not answer.
        """
        ...

    async def create(self, spec: InstanceSpec) -> None:
        """Make the container without starting it; nothing happens if it exists. Raises as ``start``."""
        ...

    async def refresh(self, spec: InstanceSpec) -> None:
        """Have a running container start with this environment and these networks the next time.

        Commands that enter it get the environment at once. Raises RuntimeUnavailable.
        """
        ...

    async def stop(self, name: str, grace: float) -> None:
        """SIGTERM, then SIGKILL after ``grace`` seconds (0: at once); done when it has exited. Absent is fine.

        Raises RuntimeUnavailable.
        """
        ...

    async def remove(self, name: str) -> None:
        """Remove the container, killing it if it runs; its logs stay. Absent is fine. Raises RuntimeUnavailable."""
        ...

    async def wait_down(self, name: str) -> None:
        """Wait until the container's program has ended (at once if it has), however it did: sooner than ``wait`` knows.

        Raises RuntimeUnavailable.
        """
        ...

    async def wait(self, name: str) -> Exit:
        """Wait until the container has exited (at once if it has). One that is gone counts as killed (137).

        Raises RuntimeUnavailable.
        """
        ...

    async def restarts(self) -> tuple[Restart, ...]:
        """The exits after which the runtime started an instance again by itself, until they are forgotten.

        Raises RuntimeUnavailable.
        """
        ...

    async def forget_restarts(self, restarts: Sequence[Restart]) -> None:
        """These have been noted. Raises RuntimeUnavailable."""
        ...
