"""JSON that is kept for later readers: reading something again costs no more than finding it."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass, field

from pydantic_core import to_json

from pvdify.api import translate
from pvdify.engine.reading.views import AppView
from pvdify.engine.world.concurrency import SingleFlight
from pvdify.model.urls import Urls

AT_ONCE = 50  # apps that are encoded between two pauses for other requests; takes some milliseconds
MOST_KEPT, LONGEST_KEPT = 100, 50_000  # answers about records, and bytes of one of them


@dataclass(frozen=True, kw_only=True, slots=True)
class _Made:
    view: AppView
    urls: Urls
    json: bytes


class AppAnswers:
    """The JSON of each app that was asked for, as of its last view."""

    def __init__(self) -> None:
        self._made: dict[str, _Made] = {}
        self._all: tuple[Sequence[AppView], Urls, bytes] | None = None
        self._making_all: SingleFlight[bytes] = SingleFlight()

    def of(self, view: AppView, urls: Urls) -> bytes:
        """Return the JSON of an app. A view is the same object only while nothing has changed."""
        made = self._made.get(view.app.name)
        if made is None or made.view is not view or made.urls != urls:
            made = _Made(view=view, urls=urls, json=to_json(translate.app(view, urls)))
            self._made[view.app.name] = made
        return made.json

    async def all_of(self, views: Sequence[AppView], urls: Urls, *, is_everything: bool) -> bytes:
        """Return the JSON of a list. ``is_everything``: it has every app there is, and is kept for the next reader."""
        if not is_everything:
            return await self._join(views, urls)
        if self._all is not None and self._all[0] is views and self._all[1] == urls:
            return self._all[2]
        return await self._making_all.share((id(views), urls), lambda: self._make_all(views, urls))

    async def _make_all(self, views: Sequence[AppView], urls: Urls) -> bytes:
        text = await self._join(views, urls)
        self._all = (views, urls, text)
        names = {view.app.name for view in views}
        self._made = {name: made for name, made in self._made.items() if name in names}
        return text

    async def _join(self, views: Sequence[AppView], urls: Urls) -> bytes:
        parts = []
        for at, view in enumerate(views, start=1):
            parts.append(self.of(view, urls))
            if at % AT_ONCE == 0:
                await asyncio.sleep(0)
        return b'{"apps":[%b]}' % b",".join(parts)


class RecordAnswers:
    """The JSON of answers that only a write to the store changes. ``writes``: returns the number of writes so far."""

    def __init__(self, writes: Callable[[], int]) -> None:
        self._writes = writes
        self._kept: dict[Hashable, bytes] = {}
        self._kept_at = -1
        self._making: SingleFlight[bytes] = SingleFlight()

    async def of(self, key: Hashable, make: Callable[[], Awaitable[object]]) -> bytes:
        """Return the JSON of what ``make`` returns; ``key`` names all that it depends on besides the store.

        Raises the errors of ``make``, which are not kept.
        """
        writes = self._writes()
        if writes != self._kept_at:
            self._kept, self._kept_at = {}, writes
        if key in self._kept:
            return self._kept[key]
        return await self._making.share((key, writes), lambda: self._make(key, writes, make))

    async def _make(self, key: Hashable, writes: int, make: Callable[[], Awaitable[object]]) -> bytes:
        text = to_json(await make())
        if writes == self._kept_at == self._writes() and len(text) <= LONGEST_KEPT and len(self._kept) < MOST_KEPT:
            self._kept[key] = text
        return text


@dataclass(frozen=True, kw_only=True)
class Kept:
    """All JSON that is kept, shared by all requests of one application."""

    records: RecordAnswers
    apps: AppAnswers = field(default_factory=AppAnswers)
