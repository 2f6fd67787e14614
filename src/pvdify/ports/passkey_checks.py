"""What devices sign with passkeys, asked for and checked."""

from typing import Protocol

from pvdify.model.passkey import NewPasskey, Passkey, Site
from pvdify.model.user import User


class PasskeyChecks(Protocol):
    """Each question has a challenge that is used once. Questions and answers are JSON, as browsers have them."""

    def ask_for_new(self, site: Site, user: User, challenge: bytes, known: tuple[Passkey, ...]) -> str:
        """Return what a browser needs to make a passkey for this user, on a device that has none of the known ones."""
        ...

    def check_new(self, site: Site, challenge: bytes, answer: str) -> NewPasskey:
        """Return the passkey that was made.

        Raises SignInRefused: it is for another site or challenge, or the device did not verify the person.
        """
        ...

    def ask(self, site: Site, challenge: bytes) -> str:
        """Return what a browser needs to offer a person the passkeys of this site."""
        ...

    def id_in(self, answer: str) -> str:
        """Return which passkey an answer says it is from. Raises SignInRefused."""
        ...

    def check(self, site: Site, challenge: bytes, answer: str, passkey: Passkey) -> int:
        """Return the device's count of uses, if this passkey signed this challenge for this site with the person there.

        Raises SignInRefused.
        """
        ...
