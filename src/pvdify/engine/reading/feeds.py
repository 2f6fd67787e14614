"""Shared log streams: all followers of the same instances share one reader. Slow followers read the log again."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from datetime import UTC, datetime, timedelta

from pvdify.model.instance import LogLine
from pvdify.ports.instance_logs import InstanceLogs

INSTANT = timedelta(microseconds=1)
MOST_WAITING = 1000  # buffered lines per follower; a follower that is further behind reads the log again
MOST_LINES = 100_000  # lines that a follower reads again at most; older ones are skipped
Mark = tuple[datetime, int]  # a line's timestamp, and its index among the instance's lines with the same timestamp
_BEFORE: Mark = (datetime.min.replace(tzinfo=UTC), 0)


class Feeds:
    """Follows instances. Followers of the same instances share one reader, which ends with the last follower."""

    def __init__(self, logs: InstanceLogs, most_waiting: int = MOST_WAITING) -> None:
        self._logs, self._most_waiting = logs, most_waiting
        self._feeds: dict[frozenset[str], _Feed] = {}

    async def follow(self, names: Sequence[str], since: datetime) -> AsyncGenerator[LogLine, None]:
        """Yield each line after ``since`` once, as it is written, without end. Raises the error of the reader."""
        key = frozenset(names)
        feed = self._feeds.get(key)
        follower = _Follower(self._most_waiting, is_behind=feed is not None)
        if feed is None:
            feed = self._feeds[key] = _Feed(self._logs, names, since)
        feed.join(follower)
        try:
            async with aclosing(self._lines(names, since, follower)) as lines:
                async for line in lines:
                    yield line
        finally:
            feed.followers.remove(follower)
            if not feed.followers or feed.task.done():
                feed.task.cancel()
                if self._feeds.get(key) is feed:
                    del self._feeds[key]

    async def _lines(
        self, names: Sequence[str], since: datetime, follower: "_Follower"
    ) -> AsyncGenerator[LogLine, None]:
        sent: dict[str, Mark] = {}
        while True:
            if follower.is_behind:
                follower.begin_anew()
                from_log = _Marks()
                floor = min((at - INSTANT for at, _ in sent.values()), default=since)
                async with aclosing(self._logs.history(names, MOST_LINES, since=floor)) as batches:
                    async for batch in batches:
                        for line in batch:
                            if from_log.is_new(line, sent, since):
                                yield line
            following = await follower.next()
            if following is None:
                continue
            fresh, mark = following
            if fresh.at > since and mark > sent.get(fresh.instance, _BEFORE):
                sent[fresh.instance] = mark
                yield fresh


class _Marks:
    """Computes the marks of lines that are read in order."""

    def __init__(self) -> None:
        self._last: dict[str, Mark] = {}

    def of(self, line: LogLine) -> Mark:
        at, count = self._last.get(line.instance, (None, 0))
        mark = self._last[line.instance] = (line.at, count + 1 if at == line.at else 1)
        return mark

    def is_new(self, line: LogLine, sent: dict[str, Mark], since: datetime) -> bool:
        """Return whether the line is after ``since`` and not in ``sent``, and remember it as sent."""
        mark = self.of(line)
        if line.at <= since or mark <= sent.get(line.instance, _BEFORE):
            return False
        sent[line.instance] = mark
        return True


class _Follower:
    """The buffer of one follower. ``is_behind``: lines were dropped and must be read from the log."""

    def __init__(self, most: int, *, is_behind: bool) -> None:
        self.is_behind = is_behind
        self.has_room = asyncio.Event()
        self.has_room.set()
        self._most = most
        self._lines: deque[tuple[LogLine, Mark]] = deque()
        self._has_news = asyncio.Event()
        self._failure: Exception | None = None

    def put(self, line: LogLine, mark: Mark) -> None:
        """Add a line. If the buffer is full, drop the buffered lines and set ``is_behind``."""
        if len(self._lines) >= self._most:
            self.begin_anew()
            self.is_behind = True
        self._lines.append((line, mark))
        if len(self._lines) >= self._most:
            self.has_room.clear()
        self._has_news.set()

    def fail(self, error: Exception) -> None:
        """Raise this error in ``next`` after the buffered lines."""
        self._failure = error
        self._has_news.set()

    def begin_anew(self) -> None:
        """Drop the buffered lines, which the log still has, and reset ``is_behind``."""
        self._lines.clear()
        self.has_room.set()
        self.is_behind = False

    async def next(self) -> tuple[LogLine, Mark] | None:
        """Wait for the next line; return None if it must be read from the log. Raises the error of the reader."""
        while not self.is_behind:
            if self._lines:
                self.has_room.set()
                return self._lines.popleft()
            if self._failure is not None:
                raise self._failure
            self._has_news.clear()
            await self._has_news.wait()
        return None


class _Feed:
    """The shared reader: a task that passes each line to all current followers."""

    def __init__(self, logs: InstanceLogs, names: Sequence[str], since: datetime) -> None:
        self.followers: list[_Follower] = []
        self._has_joined = asyncio.Event()
        self.task = asyncio.create_task(self._read(logs, names, since))

    def join(self, follower: _Follower) -> None:
        """Pass the lines from now on to this follower, too."""
        self.followers.append(follower)
        self._has_joined.set()

    async def _read(self, logs: InstanceLogs, names: Sequence[str], since: datetime) -> None:
        marks, lines = _Marks(), logs.follow(names, since=since)
        try:
            while True:
                await self._wait_for_room()
                line = await anext(lines)
                mark = marks.of(line)
                for follower in self.followers:
                    follower.put(line, mark)
        except Exception as error:
            for follower in self.followers:
                follower.fail(error)
        finally:
            if isinstance(lines, AsyncGenerator):
                await lines.aclose()

    async def _wait_for_room(self) -> None:
        """Wait until a follower has room. The fastest follower sets the pace; slower ones read the log again."""
        while self.followers and not any(each.has_room.is_set() for each in self.followers):
            events = (self._has_joined, *(each.has_room for each in self.followers))
            waiting = [asyncio.ensure_future(each.wait()) for each in events]
            try:
                await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            finally:
                self._has_joined.clear()
                for each in waiting:
                    each.cancel()
