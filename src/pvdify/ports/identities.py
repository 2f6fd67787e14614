"""Who vouches for a workflow: tokens that another server signed."""

from collections.abc import Mapping
from typing import Any, Protocol


class Identities(Protocol):
    """Knows the keys of the server that signs."""

    async def claims_of(self, token: str) -> Mapping[str, Any]:
        """What a token says, if that server signed exactly this text; what it says is the caller's to judge.

        Raises IdentityRefused: it did not, naming the part at fault. Raises CodeHostUnavailable: its keys cannot be
        had now.
        """
        ...
