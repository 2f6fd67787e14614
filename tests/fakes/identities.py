"""Tokens of workflows in memory: whatever was issued here is genuine."""

import itertools
from collections.abc import Mapping
from typing import Any

from pvdify.model.link import refused


class FakeIdentities:
    """Implements ``ports.identities.Identities``."""

    def __init__(self) -> None:
        self.issued: dict[str, dict[str, Any]] = {}
        self._numbers = itertools.count(1)

    def issue(self, **claims: Any) -> str:
        """A token that says this."""
        text = f"token {next(self._numbers)}"
        self.issued[text] = claims
        return text

    async def claims_of(self, token: str) -> Mapping[str, Any]:
        if token not in self.issued:
            raise refused("signature", "is not that of the issuer")
        return self.issued[token]
