"""What the parts of the store that serve one port each need of the connection."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, TypeVar

RecordT = TypeVar("RecordT")


class Records(ABC):
    """A part of ``SqliteStore``: the same file, connection and thread."""

    @abstractmethod
    async def _write(self, work: list[tuple[str, dict[str, Any]]]) -> None:
        """Carry out these statements in one transaction. Raises StoreUnavailable."""

    @abstractmethod
    async def _all(self, record_type: type[RecordT], query: str, **values: object) -> tuple[RecordT, ...]:
        """Every record that a named query finds. Raises StoreUnavailable."""

    @abstractmethod
    async def _rows(self, query: str, **values: object) -> list[Mapping[str, Any]]:
        """Every row that a named query finds. Raises StoreUnavailable."""
