"""Storage of config vars: one immutable, encrypted document per app and config version."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from pvdify.model.config import ConfigVar
from pvdify.model.instance import Secret


@dataclass(frozen=True, kw_only=True)
class Recipient:
    """A person or server that can decrypt the documents: a display name and a public key."""

    name: str
    key: str


@dataclass(frozen=True, kw_only=True)
class Reencrypted:
    """The result of re-encryption: the number of documents, and the current recipients, the server first."""

    documents: int
    recipients: tuple[Recipient, ...]


@dataclass(frozen=True, kw_only=True)
class OpenedFile:
    """A document that an operator uploads.

    ``marked``: the names that the document marks as secrets. ``clear``: the names of values that are not encrypted.
    """

    values: Mapping[str, Secret]
    marked: frozenset[str] = frozenset()
    clear: frozenset[str] = frozenset()


class Secrets(Protocol):
    """The values of config versions. Names, authors and dates are in the store."""

    async def write(self, app: str, version: int, values: Mapping[str, ConfigVar]) -> None:
        """Store a version; writing the same content again changes nothing. Raises StoreUnavailable, SecretsLocked."""
        ...

    async def read(self, app: str, version: int) -> dict[str, ConfigVar]:
        """Return the values of a version; version 0 is always empty. Raises StoreUnavailable, SecretsLocked."""
        ...

    async def text(self, app: str, version: int) -> str:
        """Return the stored document, encrypted. Raises StoreUnavailable."""
        ...

    async def missing(self, wanted: Collection[tuple[str, int]]) -> list[tuple[str, int]]:
        """Return the versions, each an app and a number above 0, of which nothing is stored. Reads no content."""
        ...

    async def remove(self, app: str) -> None:
        """Delete every version of an app. Raises StoreUnavailable."""
        ...

    async def rename(self, old: str, new: str) -> None:
        """Move every version of app ``old`` to ``new``. Idempotent; does nothing if there are no versions.

        Raises StoreUnavailable.
        """
        ...

    async def open_file(self, text: str, kind: str) -> OpenedFile:
        """Decrypt an operator's file; ``kind``: yaml, json or dotenv. Raises InvalidConfigFile, SecretsLocked."""
        ...

    async def recipients(self) -> tuple[Recipient, ...]:
        """Return the recipients of the documents, the server first. Raises SecretsLocked."""
        ...

    async def rotate(self) -> Reencrypted:
        """Replace the server's own key, and re-encrypt every document. Readers are not interrupted.

        Raises SecretsLocked, StoreUnavailable; documents that were not re-encrypted then still open with their old key.
        """
        ...

    async def set_recipients(self, others: tuple[Recipient, ...]) -> Reencrypted:
        """Replace the recipients besides the server, and re-encrypt every document.

        Raises InvalidRecipient, SecretsLocked, StoreUnavailable.
        """
        ...
