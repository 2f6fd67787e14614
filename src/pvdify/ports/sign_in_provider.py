"""Sign-in of users by their account at an identity provider."""

from typing import Protocol

from pvdify.model.sign_in import Account, Challenge


class SignInProvider(Protocol):
    """One OpenID provider, or GitHub."""

    @property
    def title(self) -> str:
        """The provider's name, for users."""
        ...

    async def address(self, challenge: Challenge) -> str:
        """Return the address that the browser is redirected to. Raises ServiceUnavailable."""
        ...

    async def account(self, code: str, challenge: Challenge) -> Account:
        """Return the account that the code from the browser stands for. Each code can be used once.

        Raises SignInRefused if the provider refuses, or its answer is not for this server and this attempt. Raises
        ServiceUnavailable.
        """
        ...
