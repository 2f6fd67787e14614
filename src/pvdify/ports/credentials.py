"""Secrets of pvdify itself: the keys to services that it talks to."""

from collections.abc import Mapping
from typing import Protocol

from pvdify.model.instance import Secret


class Credentials(Protocol):
    """Small sets of secrets by name. Every method raises StoreUnavailable."""

    async def write(self, name: str, values: Mapping[str, Secret]) -> None:
        """Keep these, instead of what was kept under the name; on disk when it returns, readable by root alone."""
        ...

    async def read(self, name: str) -> dict[str, Secret] | None:
        """What is kept under the name; None for nothing."""
        ...

    async def remove(self, name: str) -> None:
        """Keep nothing under the name."""
        ...
