"""Events: who did what, when; kept even after an app is gone."""

from dataclasses import dataclass
from datetime import datetime

# What an action is about, the first word of its name: whoever wants to be told of some events chooses by it.
GROUPS = frozenset({
    "app", "clock", "config", "deploy", "domain", "edge", "github", "guard", "hook", "instance", "maintenance",
    "notify", "posthog", "preview", "process", "ps", "registry", "release", "rollback", "run", "secret", "server",
    "token",
})  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Event:
    """One thing that happened. ``id`` is 0 until it is stored; ``actor`` is a token's name or ``pvdify``."""

    id: int = 0
    at: datetime
    actor: str
    action: str
    app: str | None = None
    release: int | None = None
    text: str = ""


@dataclass(frozen=True, kw_only=True)
class IdempotentRequest:
    """A request that was answered under an Idempotency-Key: the same again gets the same release."""

    key: str
    actor: str
    fingerprint: str
    app: str
    release: int
    created_at: datetime
