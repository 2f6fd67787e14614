"""Services of the server itself: programs that its service manager keeps running, apart from us."""

from typing import Protocol


class Services(Protocol):
    """The service manager, as far as a program beside us needs it. Every method raises RuntimeUnavailable."""

    async def start(self, unit: str) -> None:
        """It runs; nothing happens where it does already."""
        ...

    async def reload(self, unit: str) -> None:
        """It reads its configuration again."""
        ...

    async def restart(self, unit: str) -> None:
        """It runs as the unit now says, which its file may have been changed to."""
        ...
