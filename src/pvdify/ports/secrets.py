"""Config vars at rest: one immutable, encrypted document per app and config version."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from pvdify.model.config import ConfigVar
from pvdify.model.instance import Secret


@dataclass(frozen=True, kw_only=True)
class Recipient:
    """A person or server that can open the documents: a name for people, and a public key."""

    name: str
    key: str


@dataclass(frozen=True, kw_only=True)
class Reencrypted:
    """What was done to the documents: how many there are, and who opens them now, the server itself first."""

    documents: int
    recipients: tuple[Recipient, ...]


@dataclass(frozen=True, kw_only=True)
class OpenedFile:
    """A document that an operator brings. ``marked``: its secrets by its own account; ``clear``: not encrypted."""

    values: Mapping[str, Secret]
    marked: frozenset[str] = frozenset()
    clear: frozenset[str] = frozenset()


class Secrets(Protocol):
    """Keeps the values of config versions; names, authors and dates are in the store."""

    async def write(self, app: str, version: int, values: Mapping[str, ConfigVar]) -> None:
        """Keep this version; writing the same again changes nothing. Raises StoreUnavailable, SecretsLocked."""
        ...

    async def read(self, app: str, version: int) -> dict[str, ConfigVar]:
        """The values of a version; version 0 is always empty. Raises StoreUnavailable, SecretsLocked."""
        ...

    async def text(self, app: str, version: int) -> str:
        """The document as it is at rest, encrypted. Raises StoreUnavailable."""
        ...

    async def remove(self, app: str) -> None:
        """Forget every version of an app. Raises StoreUnavailable."""
        ...

    async def rename(self, old: str, new: str) -> None:
        """Keep every version of ``old`` under ``new``; done again, or without any, it changes nothing.

        Raises StoreUnavailable.
        """
        ...

    async def open_file(self, text: str, kind: str) -> OpenedFile:
        """Decrypt an operator's file; ``kind``: yaml, json or dotenv. Raises InvalidConfigFile, SecretsLocked."""
        ...

    async def recipients(self) -> tuple[Recipient, ...]:
        """Who can open the documents, the server itself first. Raises SecretsLocked."""
        ...

    async def rotate(self) -> Reencrypted:
        """Make a new key of the server's own and encrypt every document anew; readers notice nothing.

        Raises SecretsLocked, StoreUnavailable; whatever is not done then opens with the key that it had.
        """
        ...

    async def set_recipients(self, others: tuple[Recipient, ...]) -> Reencrypted:
        """Have these open the documents beside the server, every document encrypted anew.

        Raises InvalidRecipient, SecretsLocked, StoreUnavailable.
        """
        ...
