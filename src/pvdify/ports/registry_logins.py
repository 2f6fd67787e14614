"""Signing in to image registries."""

from collections.abc import Sequence
from typing import Protocol

from pvdify.model.registry import RegistryLogin


class RegistryLogins(Protocol):
    """The logins with which this host asks registries."""

    async def check(self, login: RegistryLogin) -> None:
        """Whether the registry takes it, asked of the registry; changes nothing.

        Raises RegistryDenied, RegistryUnavailable, RuntimeUnavailable.
        """
        ...

    async def use(self, logins: Sequence[RegistryLogin]) -> None:
        """These and no others from now on, until the machine is started again. Raises RuntimeUnavailable."""
        ...
