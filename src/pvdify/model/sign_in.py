"""Signing in with an account at a provider: what is sent there, and who comes back."""

import base64
import hashlib
import secrets
from dataclasses import dataclass, field

from pvdify.errors import SignInRefused

LONGEST_NAME = 80


@dataclass(frozen=True, kw_only=True)
class Challenge:
    """One attempt. ``state`` comes back with the browser, ``nonce`` in the signed answer, ``verifier`` only we know."""

    state: str
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)
    redirect: str

    @classmethod
    def fresh(cls, redirect: str) -> "Challenge":
        """A challenge that cannot be guessed; the browser will come back to ``redirect``."""
        return cls(
            state=secrets.token_urlsafe(32), nonce=secrets.token_urlsafe(32), verifier=secrets.token_urlsafe(48),
            redirect=redirect,
        )  # fmt: skip

    @property
    def verifier_digest(self) -> str:
        """What the provider gets of the verifier first (RFC 7636, S256)."""
        return base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()


@dataclass(frozen=True, kw_only=True)
class Account:
    """Who a provider says it is. ``subject`` never changes and is never given to another person.

    ``emails``: those that the provider has verified, in lower case; ``github``: the login at GitHub, or "".
    """

    issuer: str
    subject: str
    name: str = ""
    emails: tuple[str, ...] = ()
    github: str = ""

    @property
    def shown(self) -> str:
        """How a person knows the account."""
        return self.github or next(iter(self.emails), "") or self.name or self.subject


def refused(why: str) -> SignInRefused:
    """What the provider answered does not sign anyone in."""
    return SignInRefused("this account does not sign you in", why=why, next="sign in again from the sign-in page")
