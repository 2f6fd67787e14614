"""The interface to the server's own services: programs beside pvdifyd that the service manager keeps running."""

from typing import Protocol


class Services(Protocol):
    """The service manager of this host. Every method raises RuntimeUnavailable."""

    async def start(self, unit: str) -> None:
        """Start the unit; do nothing if it runs."""
        ...

    async def reload(self, unit: str) -> None:
        """Make the unit's program read its configuration again."""
        ...

    async def restart(self, unit: str) -> None:
        """Restart the unit, so that changes of its unit file take effect."""
        ...
