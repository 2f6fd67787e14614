"""Requests to public addresses, sent as a visitor on the internet sends them."""

from typing import Protocol

from pvdify.model.public import PublicAnswer


class PublicWeb(Protocol):
    """A client on this machine that acts as a visitor from the internet."""

    async def get(self, url: str, timeout: float) -> PublicAnswer:
        """Send a GET request to the address, resolved by this machine's resolver, bypassing caches. Never raises."""
        ...
