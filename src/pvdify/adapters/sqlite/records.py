"""The base class of the store's parts, each of which implements one port or one part of the ``store`` port."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, TypeVar

RecordT = TypeVar("RecordT")
Work = list[tuple[str, dict[str, Any]]]  # statements and their values


class Records(ABC):
    """A part of ``SqliteStore``. All parts share its file, connection and thread."""

    @abstractmethod
    async def _write(self, work: Work) -> Mapping[str, int]:
        """Execute these statements in one transaction. Raises StoreUnavailable.

        Return how often the tables of each query of ``store.ONE`` had been written to right after it.
        """

    @abstractmethod
    async def _all(self, record_type: type[RecordT], query: str, **values: object) -> tuple[RecordT, ...]:
        """Return every record that a named query finds. Raises StoreUnavailable."""

    @abstractmethod
    async def _rows(self, query: str, **values: object) -> list[Mapping[str, Any]]:
        """Return every row that a named query finds. Raises StoreUnavailable."""
