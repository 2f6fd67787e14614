"""Many followers of one log."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta

from pvdify.engine.reading.feeds import Feeds
from pvdify.errors import RuntimeUnavailable
from pvdify.model.instance import LogLine

WEB, OTHER = "pvdify-shop-web-v1-1", "pvdify-shop-web-v1-2"
BEGIN = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Log:
    """The lines of two instances; it counts its readers, and can fail."""

    def __init__(self) -> None:
        self.lines: list[LogLine] = []
        self.readings = self.histories = self.open = 0
        self.grown = asyncio.Condition()
        self.failure: Exception | None = None

    async def write(self, text: str, *, at: int = 0, instance: str = WEB) -> None:
        async with self.grown:
            moment = BEGIN + timedelta(seconds=at)
            self.lines.append(LogLine(at=moment, instance=instance, stream="stdout", text=text))
            self.grown.notify_all()

    async def fail(self) -> None:
        async with self.grown:
            self.failure = RuntimeUnavailable("gone")
            self.grown.notify_all()

    async def history(
        self, names: Sequence[str], lines: int, *, since: datetime | None = None
    ) -> AsyncGenerator[tuple[LogLine, ...], None]:
        self.histories += 1
        yield tuple(it for it in self.lines if it.instance in names and (since is None or it.at > since))[-lines:]

    async def follow(self, names: Sequence[str], *, since: datetime) -> AsyncIterator[LogLine]:
        self.readings += 1
        self.open += 1
        seen = 0
        try:
            while True:
                for line in self.lines[seen:]:
                    seen += 1
                    if line.instance in names and line.at > since:
                        yield line
                async with self.grown:
                    if len(self.lines) == seen and self.failure is None:
                        await self.grown.wait()
                if self.failure is not None:
                    raise self.failure
        finally:
            self.open -= 1


async def taken(following: AsyncGenerator[LogLine, None], count: int) -> list[str]:
    async with asyncio.timeout(30):
        return [(await anext(following)).text for _ in range(count)]


async def settled() -> None:
    for _ in range(50):
        await asyncio.sleep(0)


async def test_one_reading_serves_all_followers() -> None:
    log = Log()
    shared = Feeds(log)  # type: ignore[arg-type]
    following = [shared.follow([WEB, OTHER], BEGIN) for _ in range(20)]
    waiting = [asyncio.create_task(taken(each, 3)) for each in following]
    await settled()

    await log.write("one", at=1)
    await log.write("two", at=1)
    await log.write("three", at=1, instance=OTHER)

    assert await asyncio.gather(*waiting) == [["one", "two", "three"]] * 20
    assert log.readings == 1
    for each in following:
        await each.aclose()
    await settled()
    assert log.open == 0, "the reading ends with its last follower"


async def test_a_later_follower_gets_earlier_lines_and_each_line_once() -> None:
    log = Log()
    shared = Feeds(log)  # type: ignore[arg-type]
    await log.write("old", at=0)
    early = shared.follow([WEB], BEGIN)
    first = asyncio.create_task(taken(early, 2))
    await settled()
    for text in ("a", "b"):
        await log.write(text, at=1)
    await first

    late = shared.follow([WEB], BEGIN)
    caught_up = await taken(late, 2)
    await log.write("c", at=1)

    assert caught_up + await taken(late, 1) == ["a", "b", "c"]
    assert log.readings == 1
    await late.aclose()
    await early.aclose()


async def test_a_slow_follower_loses_no_line_and_does_not_delay_others() -> None:
    log = Log()
    shared = Feeds(log, most_waiting=10)  # type: ignore[arg-type]
    slow, quick = shared.follow([WEB], BEGIN), shared.follow([WEB], BEGIN)
    begun = [asyncio.create_task(taken(each, 1)) for each in (slow, quick)]
    await settled()
    await log.write("line 0", at=1)
    await asyncio.gather(*begun)

    seen = []
    for number in range(1, 100):
        await log.write(f"line {number}", at=1 + number // 7)
        seen += await taken(quick, 1)

    assert seen == [f"line {number}" for number in range(1, 100)]
    assert await taken(slow, 99) == seen
    await slow.aclose()
    await quick.aclose()


async def test_a_reading_that_fails_fails_for_all() -> None:
    log = Log()
    shared = Feeds(log)  # type: ignore[arg-type]
    following = [shared.follow([WEB], BEGIN) for _ in range(3)]
    waiting = [asyncio.create_task(taken(each, 1)) for each in following]
    await settled()

    await log.fail()

    assert [type(it) for it in await asyncio.gather(*waiting, return_exceptions=True)] == [RuntimeUnavailable] * 3
    log.failure = None
    again = shared.follow([WEB], BEGIN)
    await log.write("back", at=1)
    assert await taken(again, 1) == ["back"]
    await again.aclose()


async def test_a_later_follower_is_not_delayed_by_a_stuck_one() -> None:
    log = Log()
    shared = Feeds(log, most_waiting=2)  # type: ignore[arg-type]
    stuck = shared.follow([WEB], BEGIN)
    begun = asyncio.create_task(taken(stuck, 1))
    await settled()
    for number in range(10):
        await log.write(f"line {number}", at=1)
    await begun
    await settled()

    late = shared.follow([WEB], BEGIN)
    seen = await taken(late, 10)
    await log.write("new", at=2)

    assert [*seen, *await taken(late, 1)] == [*(f"line {number}" for number in range(10)), "new"]
    await late.aclose()
    await stuck.aclose()
