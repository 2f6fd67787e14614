"""Config vars at rest: one immutable document per app and config version."""

from collections.abc import Mapping
from typing import Protocol

from pvdify.model.config import ConfigVar


class Secrets(Protocol):
    """Keeps the values of config versions; names, authors and dates are in the store."""

    async def write(self, app: str, version: int, values: Mapping[str, ConfigVar]) -> None:
        """Keep this version; writing the same again changes nothing. Raises StoreUnavailable."""
        ...

    async def read(self, app: str, version: int) -> dict[str, ConfigVar]:
        """The values of a version; version 0 is always empty. Raises StoreUnavailable."""
        ...

    async def remove(self, app: str) -> None:
        """Forget every version of an app. Raises StoreUnavailable."""
        ...
