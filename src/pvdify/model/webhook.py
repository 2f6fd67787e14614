"""Webhooks: messages from a code host, which anybody could send and only a signature makes believable. Pure."""

import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import datetime

from pvdify.model.preview import PullRequestState

SCHEME = "sha256="


@dataclass(frozen=True, kw_only=True)
class IncomingWebhook:
    """One message as it came. ``signature`` covers ``content`` and nothing else; ``address``: who sent it."""

    id: str
    event: str
    signature: str
    content: bytes = field(repr=False)
    address: str

    @property
    def digest(self) -> str:
        """A hash of the content."""
        return hashlib.sha256(self.content).hexdigest()


@dataclass(frozen=True, kw_only=True)
class SeenWebhook:
    """A message that was dealt with, by its id and by the digest of what was signed: neither counts twice."""

    id: str
    digest: str
    at: datetime


@dataclass(frozen=True, kw_only=True)
class News:
    """What a message says about one pull request."""

    repository: str
    number: int
    sign: PullRequestState


def signature_of(secret: str, content: bytes) -> str:
    """What the code host writes beside this content when it knows the secret."""
    return SCHEME + hmac.new(secret.encode(), content, hashlib.sha256).hexdigest()


def is_signed(webhook: IncomingWebhook, secrets: tuple[str, ...]) -> bool:
    """Whether one of the secrets made the signature; how long this takes says nothing about any of them."""
    given = webhook.signature.encode()
    matches = [hmac.compare_digest(given, signature_of(secret, webhook.content).encode()) for secret in secrets]
    return any(matches)
