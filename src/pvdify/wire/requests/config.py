"""Request types about config vars and secrets."""

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class RevealConfig:
    """POST /apps/{app}/config/reveal."""

    keys: list[str]


@dataclass(frozen=True, kw_only=True)
class ImportConfig:
    """POST /apps/{app}/config/import. ``content``: the text of a SOPS file; ``plain``: names that are not secret.

    Values that are encrypted in the file become secrets, unless they are plain values of the app already.
    """

    content: str
    format: Literal["yaml", "json", "dotenv"] = "yaml"
    plain: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class RollBackConfig:
    """POST /apps/{app}/config/rollback. ``version``: the version to repeat; null: the one before the newest."""

    version: int | None = None


@dataclass(frozen=True, kw_only=True)
class CopyConfig:
    """POST /apps/{app}/config/copy: copy config vars from ``source`` to this app. ``keys``: only these; empty: all.

    ``secrets``: copy secrets, too. This requires the role deploy for ``source``; without secrets, read is enough.
    """

    source: str
    keys: list[str] = field(default_factory=list)
    secrets: bool = False


@dataclass(frozen=True, kw_only=True)
class AddRecipient:
    """POST /secrets/recipients. ``key``: an age recipient (``age1…``) or an SSH public key."""

    name: str
    key: str
