"""Request an address as a visitor on the internet does."""

from typing import Protocol

from pvdify.model.public import PublicAnswer


class PublicWeb(Protocol):
    """A visitor of the internet, from this machine."""

    async def look(self, url: str, timeout: float) -> PublicAnswer:
        """GET the address, by the names that this machine's resolver knows, without any cache's help. Never raises."""
        ...
