"""Detection of changes, shared by all streams."""

import asyncio
import hashlib
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from pvdify.dashboard.remembered import Remembered
from pvdify.engine.front_door import Engine
from pvdify.errors import PvdifyError

LOOK_SECONDS = 1.0
READ_AGAIN_SECONDS = 5.0  # statuses that change with time alone, such as the end of a crash loop, are read so often
MOST_SHOWN, MOST_CHARACTERS = 200, 4_000_000  # fragments that are kept, and their length together
_LOOKS_WITHOUT_STREAMS = 5
_TIME = re.compile(r"(<time [^>]*>)[^<]*")


@dataclass(frozen=True)
class Shown:
    """A rendered fragment. ``digest``: a hash of the content without relative times."""

    text: str
    digest: str


class Pulse:
    """Checks once per ``LOOK_SECONDS``, for all streams, whether a page may have changed.

    Stops after ``_LOOKS_WITHOUT_STREAMS`` checks without a waiting stream; the next ``wait`` starts it again.
    """

    def __init__(self, engine: Engine, *remembered: Remembered[Any]) -> None:
        self._engine, self._remembered = engine, remembered
        self._changed = asyncio.Event()
        self._noticing = asyncio.Lock()
        self._waiting = 0
        self._task: asyncio.Task[None] | None = None
        self._seen: object = None
        self._version: object = None
        self._read_at = 0.0
        self.number = 0
        self._shown: dict[tuple[object, object], tuple[tuple[int, int], asyncio.Future[Shown]]] = {}

    async def shown(self, key: tuple[object, object], render: Callable[[], Awaitable[str]]) -> Shown:
        """Return the fragment after the newest change, rendered once for all readers with the same key."""
        await self._notice()
        version = (self.number, self._engine.queries.writes)
        rendered, known = self._shown.get(key, (None, None))
        if known is None or rendered != version or _has_failed(known):
            known = asyncio.ensure_future(_render(render))
            self._shown.pop(key, None)
            self._shown[key] = (version, known)
            self._drop_oldest()
        return await asyncio.shield(known)  # a stream that ends must not cancel the rendering for other streams

    def _drop_oldest(self) -> None:
        """Drop the oldest fragments beyond the limits, never the newest one."""
        left = sum(_length(rendering) for _, rendering in self._shown.values())
        while len(self._shown) > 1 and (len(self._shown) > MOST_SHOWN or left > MOST_CHARACTERS):
            _, dropped = self._shown.pop(next(iter(self._shown)))
            left -= _length(dropped)

    async def wait(self, number: int, seconds: float) -> int:
        """Wait until the number of the newest change differs from ``number``, at most ``seconds``; return it."""
        self._waiting += 1
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._check())
        try:
            async with asyncio.timeout(seconds):
                while self.number == number:
                    await self._changed.wait()
        except TimeoutError:
            pass
        finally:
            self._waiting -= 1
        return self.number

    async def _check(self) -> None:
        idle = 0
        while idle < _LOOKS_WITHOUT_STREAMS:
            idle = 0 if self._waiting else idle + 1
            await self._notice()
            await asyncio.sleep(LOOK_SECONDS)

    async def _notice(self) -> None:
        async with self._noticing:
            try:
                found = await self._state()
            except PvdifyError:
                found = None
            if found != self._seen:
                self._seen, self.number = found, self.number + 1
                self._changed.set()
                self._changed = asyncio.Event()

    async def _state(self) -> object:
        engine = self._engine
        version = (engine.queries.version, engine.samples.at, tuple(it.changes for it in self._remembered))
        now = asyncio.get_running_loop().time()
        if version == self._version and now - self._read_at < READ_AGAIN_SECONDS:
            return self._seen  # nothing was written or observed, so nothing is read
        found = await engine.queries.statuses()
        words = tuple((app, it.word, it.cause, it.since) for app, it in found.items())
        newest = await engine.queries.activity.newest_id()
        self._version, self._read_at = version, now  # only now: after an error, the next check reads again
        return (newest, words, *version[1:])


def digest(fragment: str) -> str:
    """Return a hash of a fragment's content that stays the same while only relative times change."""
    return hashlib.sha256(_TIME.sub(r"\1", fragment).encode()).hexdigest()[:16]


async def _render(render: Callable[[], Awaitable[str]]) -> Shown:
    text = await render()
    return Shown(text, digest(text))


def _length(rendering: asyncio.Future[Shown]) -> int:
    is_known = rendering.done() and not _has_failed(rendering)
    return len(rendering.result().text) if is_known else 0


def _has_failed(rendering: asyncio.Future[Shown]) -> bool:
    return rendering.done() and (rendering.cancelled() or rendering.exception() is not None)
