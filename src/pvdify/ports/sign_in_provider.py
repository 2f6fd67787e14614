"""Who vouches for people: a provider where they have an account."""

from typing import Protocol

from pvdify.model.sign_in import Account, Challenge


class SignInProvider(Protocol):
    """One OpenID provider, or GitHub."""

    @property
    def title(self) -> str:
        """How people know the provider."""
        ...

    async def address(self, challenge: Challenge) -> str:
        """Return where to send the browser. Raises ServiceUnavailable."""
        ...

    async def account(self, code: str, challenge: Challenge) -> Account:
        """Return whose account the code stands for that the browser brought back; each code is good once.

        Raises SignInRefused: the provider says no, or its answer is not meant for this server and this attempt.
        Raises ServiceUnavailable.
        """
        ...
