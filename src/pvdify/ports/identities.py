"""Identities of workflows: tokens signed by the code host."""

from collections.abc import Mapping
from typing import Any, Protocol


class Identities(Protocol):
    """A verifier with the public keys of the server that signs."""

    async def claims_of(self, token: str) -> Mapping[str, Any]:
        """Return a token's claims if the server's signature on the token is valid. The caller has to check the claims.

        Raises IdentityRefused, naming the part at fault, if the signature is not valid. Raises CodeHostUnavailable if
        the server's keys cannot be fetched.
        """
        ...
