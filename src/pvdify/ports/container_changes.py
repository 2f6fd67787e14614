"""Container changes: signals that another program made or removed a container, so that nothing has to be polled."""

from typing import Protocol


class ContainerChanges(Protocol):
    """Signals of one container engine. A signal may be lost, so the caller also lists the containers now and then."""

    @property
    def is_reporting(self) -> bool:
        """Whether changes are reported now. If not, only listing the containers finds them."""
        ...

    async def wait(self) -> None:
        """Wait until containers of this server may have been made or removed by another program.

        Also returns when reporting begins, and when signals were lost. A change between two calls ends the second call
        at once. Never raises; waits without end while changes cannot be reported, and tries again meanwhile.
        """
        ...
