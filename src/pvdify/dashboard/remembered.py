"""A cache of slow answers. A page shows the last answer with its time while a new one is requested."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Generic, TypeVar

from pvdify.errors import PvdifyError

T = TypeVar("T")
FRESH_SECONDS = 10.0
MOST = 500  # answers in the cache; the oldest is removed


@dataclass(frozen=True, kw_only=True)
class Known(Generic[T]):
    """The last answer and its time; ``value``: None before the first answer.

    ``problem``: why the last request failed.
    """

    value: T | None = None
    at: datetime | None = None
    problem: str = ""


class Remembered(Generic[T]):
    """A cache with one answer per key. Answers are refreshed in the background; readers never wait for them."""

    def __init__(self, fresh_seconds: float = FRESH_SECONDS) -> None:
        self._fresh_seconds = fresh_seconds
        self._known: dict[str, tuple[Known[T], float]] = {}
        self._asking: dict[str, asyncio.Task[None]] = {}
        self.changes = 0

    def get(self, key: str, ask: Callable[[], Awaitable[T]]) -> Known[T]:
        """Return the last answer. If it is older than ``fresh_seconds``, request a new one in the background."""
        known, moment = self._known.get(key, (Known[T](), float("-inf")))
        if time.monotonic() - moment > self._fresh_seconds and key not in self._asking:
            self._asking[key] = asyncio.ensure_future(self._ask(key, ask))
        return known

    def forget(self, key: str) -> None:
        """Mark the answer as outdated: the next ``get`` requests a new one and still returns the old one."""
        if key in self._known:
            self._known[key] = (self._known[key][0], float("-inf"))

    async def _ask(self, key: str, ask: Callable[[], Awaitable[T]]) -> None:
        before = self._known.get(key, (Known[T](), 0.0))[0]
        try:
            now = Known(value=await ask(), at=datetime.now(UTC))
        except PvdifyError as error:
            now = Known(value=before.value, at=before.at, problem=": ".join(filter(None, (error.what, error.why))))
        finally:
            self._asking.pop(key, None)
        self._known.pop(key, None)
        self._known[key] = (now, time.monotonic())
        while len(self._known) > MOST:
            del self._known[next(iter(self._known))]
        self.changes += (before.value, before.problem) != (now.value, now.problem)
