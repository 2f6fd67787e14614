"""One reading of each log, however many follow it. The log itself is the memory of those who are slow."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from datetime import UTC, datetime, timedelta

from pvdify.model.instance import LogLine
from pvdify.ports.instance_logs import InstanceLogs

INSTANT = timedelta(microseconds=1)
MOST_WAITING = 1000  # lines for one follower; who is further behind reads them from the log again
MOST_LINES = 100_000  # that a follower can be behind; older ones are lost to it
Mark = tuple[datetime, int]  # a line's moment, and its number among the instance's lines of that moment
_BEFORE: Mark = (datetime.min.replace(tzinfo=UTC), 0)


class Feeds:
    """Follows instances. Followers of the same instances share one reading, which ends with the last of them."""

    def __init__(self, logs: InstanceLogs, most_waiting: int = MOST_WAITING) -> None:
        self._logs, self._most_waiting = logs, most_waiting
        self._feeds: dict[frozenset[str], _Feed] = {}

    async def follow(self, names: Sequence[str], since: datetime) -> AsyncGenerator[LogLine, None]:
        """Lines after this moment as they come, each once, without end. Raises what the reading ended with."""
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
    """Counts the lines of one reading."""

    def __init__(self) -> None:
        self._last: dict[str, Mark] = {}

    def of(self, line: LogLine) -> Mark:
        at, count = self._last.get(line.instance, (None, 0))
        mark = self._last[line.instance] = (line.at, count + 1 if at == line.at else 1)
        return mark

    def is_new(self, line: LogLine, sent: dict[str, Mark], since: datetime) -> bool:
        """Whether it was not sent yet; from now on it was."""
        mark = self.of(line)
        if line.at <= since or mark <= sent.get(line.instance, _BEFORE):
            return False
        sent[line.instance] = mark
        return True


class _Follower:
    """Lines for one who follows. ``is_behind``: some were left out, and are to be read from the log."""

    def __init__(self, most: int, *, is_behind: bool) -> None:
        self.is_behind = is_behind
        self.has_room = asyncio.Event()
        self.has_room.set()
        self._most = most
        self._lines: deque[tuple[LogLine, Mark]] = deque()
        self._has_news = asyncio.Event()
        self._failure: Exception | None = None

    def put(self, line: LogLine, mark: Mark) -> None:
        """One more line; with too many, all of them are left to the log."""
        if len(self._lines) >= self._most:
            self.begin_anew()
            self.is_behind = True
        self._lines.append((line, mark))
        if len(self._lines) >= self._most:
            self.has_room.clear()
        self._has_news.set()

    def fail(self, error: Exception) -> None:
        """No line will come any more."""
        self._failure = error
        self._has_news.set()

    def begin_anew(self) -> None:
        """Forget the lines that wait: the log has them."""
        self._lines.clear()
        self.has_room.set()
        self.is_behind = False

    async def next(self) -> tuple[LogLine, Mark] | None:
        """The next line; None when it is to be read from the log. Raises what the reading ended with."""
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
    """Reads on its own, and passes each line to the followers of that moment."""

    def __init__(self, logs: InstanceLogs, names: Sequence[str], since: datetime) -> None:
        self.followers: list[_Follower] = []
        self._has_joined = asyncio.Event()
        self.task = asyncio.create_task(self._read(logs, names, since))

    def join(self, follower: _Follower) -> None:
        """From now on this follower is given the lines."""
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
        """Read no faster than the fastest follower takes; those who are slower than that read from the log."""
        while self.followers and not any(each.has_room.is_set() for each in self.followers):
            events = (self._has_joined, *(each.has_room for each in self.followers))
            waiting = [asyncio.ensure_future(each.wait()) for each in events]
            try:
                await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            finally:
                self._has_joined.clear()
                for each in waiting:
                    each.cancel()
