"""Sign-in with an account at an identity provider."""

import base64
import hashlib
import secrets
from dataclasses import dataclass, field

from pvdify.errors import SignInRefused

LONGEST_NAME = 80  # characters


@dataclass(frozen=True, kw_only=True)
class Challenge:
    """One sign-in attempt. ``state`` returns with the browser, ``nonce`` in the ID token; ``verifier`` stays secret."""

    state: str
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)
    redirect: str

    @classmethod
    def fresh(cls, redirect: str) -> "Challenge":
        """Return an unguessable challenge; the provider sends the browser back to ``redirect``."""
        return cls(
            state=secrets.token_urlsafe(32), nonce=secrets.token_urlsafe(32), verifier=secrets.token_urlsafe(48),
            redirect=redirect,
        )  # fmt: skip

    @property
    def verifier_digest(self) -> str:
        """The hash of the verifier that the provider gets first (RFC 7636, S256)."""
        return base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()


@dataclass(frozen=True, kw_only=True)
class Account:
    """A user's account at a provider. ``subject`` never changes and is never reused.

    ``emails``: those that the provider has verified, in lower case; ``github``: the login at GitHub, or "".
    """

    issuer: str
    subject: str
    name: str = ""
    emails: tuple[str, ...] = ()
    github: str = ""

    @property
    def shown(self) -> str:
        """The name of the account for display."""
        return self.github or next(iter(self.emails), "") or self.name or self.subject


def refused(why: str) -> SignInRefused:
    """Return the error for an account or answer that does not sign the user in."""
    return SignInRefused("this account does not sign you in", why=why, next="sign in again from the sign-in page")
