"""Webhooks from a code host. Any client can send them; only a valid signature makes one trustworthy. Pure functions."""

import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import datetime

from pvdify.model.preview import PullRequestState

SCHEME = "sha256="


@dataclass(frozen=True, kw_only=True)
class IncomingWebhook:
    """One webhook as received. ``signature`` covers only ``content``; ``address``: the sender's."""

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
    """A handled webhook, by its id and by the hash of its content. A repetition of either is ignored."""

    id: str
    digest: str
    at: datetime


@dataclass(frozen=True, kw_only=True)
class PullRequestNews:
    """The news of one pull request in a webhook."""

    repository: str
    number: int
    sign: PullRequestState


def signature_of(secret: str, content: bytes) -> str:
    """Return the signature that the code host sends with this content if it has the secret."""
    return SCHEME + hmac.new(secret.encode(), content, hashlib.sha256).hexdigest()


def is_signed(webhook: IncomingWebhook, secrets: tuple[str, ...]) -> bool:
    """Return whether one of the secrets made the signature. Takes the same time for any secret."""
    given = webhook.signature.encode()
    matches = [hmac.compare_digest(given, signature_of(secret, webhook.content).encode()) for secret in secrets]
    return any(matches)
