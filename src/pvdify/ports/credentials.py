"""Secrets of pvdify itself: the keys to other services."""

from collections.abc import Mapping
from typing import Protocol

from pvdify.model.instance import Secret


class Credentials(Protocol):
    """Small sets of secrets, stored by name. Every method raises StoreUnavailable."""

    async def write(self, name: str, values: Mapping[str, Secret]) -> None:
        """Store the values on disk under the name, replacing earlier ones. Only root can read them."""
        ...

    async def read(self, name: str) -> dict[str, Secret] | None:
        """Return the values stored under the name, or None."""
        ...

    async def remove(self, name: str) -> None:
        """Delete the values stored under the name. Absent is fine."""
        ...
