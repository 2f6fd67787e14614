"""Credentials that count their changes, for what is worked out from them and kept."""

from collections.abc import Mapping

from pvdify.model.instance import Secret
from pvdify.ports.credentials import Credentials


class CountedCredentials(Credentials):
    """The port itself. ``changes``: counted before a caller is told that something was written or removed."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self.changes = 0

    async def write(self, name: str, values: Mapping[str, Secret]) -> None:
        """See the port."""
        try:
            await self._credentials.write(name, values)
        finally:
            self.changes += 1

    async def read(self, name: str) -> dict[str, Secret] | None:
        """See the port."""
        return await self._credentials.read(name)

    async def remove(self, name: str) -> None:
        """See the port."""
        try:
            await self._credentials.remove(name)
        finally:
            self.changes += 1
