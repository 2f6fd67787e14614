"""Registration of and sign-in with passkeys."""

from typing import Protocol

from pvdify.model.passkey import NewPasskey, Passkey, Site
from pvdify.model.user import User


class PasskeyChecks(Protocol):
    """Requests to browsers and checks of their answers, as JSON. Each request has a challenge that is used once."""

    def ask_for_new(self, site: Site, user: User, challenge: bytes, known: tuple[Passkey, ...]) -> str:
        """Return the request to make a passkey for this user, on a device that has none of the ``known`` passkeys."""
        ...

    def check_new(self, site: Site, challenge: bytes, answer: str) -> NewPasskey:
        """Return the new passkey.

        Raises SignInRefused if the answer is for another site or challenge, or the device did not verify the user.
        """
        ...

    def ask(self, site: Site, challenge: bytes) -> str:
        """Return the request to sign in with a passkey of this site."""
        ...

    def id_in(self, answer: str) -> str:
        """Return the id of the passkey that the answer names, unverified. Raises SignInRefused."""
        ...

    def check(self, site: Site, challenge: bytes, answer: str, passkey: Passkey) -> int:
        """Verify that this passkey signed this challenge for this site and that the device verified the user.

        Returns the device's use counter. Raises SignInRefused.
        """
        ...
