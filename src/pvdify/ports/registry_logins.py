"""Logins to image registries."""

from collections.abc import Sequence
from typing import Protocol

from pvdify.model.registry import RegistryLogin


class RegistryLogins(Protocol):
    """The logins that this host uses at registries."""

    async def check(self, login: RegistryLogin) -> None:
        """Try the login at its registry, without storing it.

        Raises RegistryDenied, RegistryUnavailable, RuntimeUnavailable.
        """
        ...

    async def use(self, logins: Sequence[RegistryLogin]) -> None:
        """Use exactly these logins until the machine is restarted. Raises RuntimeUnavailable."""
        ...
