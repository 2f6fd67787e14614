"""Logs of an app with lines in podman's files and in the journal."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pvdify.adapters.systemd.logs_beside_podman import LogsBesidePodman
from pvdify.errors import RuntimeUnavailable
from pvdify.model.instance import LogLine

START = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
OLD, NEW = "pvdify-shop-web-v1-1", "pvdify-shop-web-v2-1"


def line(second: int, name: str) -> LogLine:
    return LogLine(at=START + timedelta(seconds=second), instance=name, stream="stdout", text=str(second))


class Lines:
    """The lines of one source; implements ``InstanceLogs``, and with ``read`` what is used of the journal."""

    def __init__(self, *lines: LogLine, batch: int = 2, error: Exception | None = None) -> None:
        self.lines, self.batch, self.error = list(lines), batch, error
        self.forgotten: list[str] = []
        self.asked = 0
        self.followed: list[str] = []

    async def writers(self, app: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(it.instance for it in self.lines))

    async def tail(self, names: Sequence[str], lines: int, since: datetime | None = None) -> tuple[LogLine, ...]:
        self.asked += 1
        return tuple(self._wanted(names, since))[-lines:]

    async def history(
        self, names: Sequence[str], lines: int, *, since: datetime | None = None
    ) -> AsyncGenerator[tuple[LogLine, ...], None]:
        found = self._wanted(names, since)[-lines:]
        for start in range(0, len(found), self.batch):
            yield tuple(found[start : start + self.batch])

    async def read(
        self, names: Sequence[str], count: int, since: datetime | None
    ) -> AsyncGenerator[tuple[LogLine, ...], None]:
        async for batch in self.history(names, count, since=since):
            yield batch

    async def follow(self, names: Sequence[str], since: datetime) -> AsyncIterator[LogLine]:
        self.followed += names
        for it in self._wanted(names, since):
            yield it
        if self.error:
            raise self.error
        await asyncio.Event().wait()

    async def forget(self, app: str) -> None:
        self.forgotten.append(app)

    def _wanted(self, names: Sequence[str], since: datetime | None) -> list[LogLine]:
        return [it for it in self.lines if it.instance in names and (since is None or it.at > since)]


FILES = [line(second, OLD) for second in (1, 2, 3, 5, 8)]
JOURNAL = [line(second, NEW) for second in (4, 6, 7, 9)]


def logs(podman: Lines, journal: Lines, root: Path, *units: str) -> LogsBesidePodman:
    return LogsBesidePodman(
        podman=podman, journal=journal, is_in_journal=lambda name: name in units, root=root  # type: ignore[arg-type]
    )  # fmt: skip


async def history(both: LogsBesidePodman, count: int) -> list[str]:
    return [it.text async for batch in both.history((OLD, NEW), count) for it in batch]


async def test_lines_of_both_are_one_log_in_the_order_of_time(tmp_path: Path):
    both = logs(Lines(*FILES), Lines(*JOURNAL), tmp_path)

    assert await both.writers("shop") == (OLD, NEW)
    assert [it.text for it in await both.tail((OLD, NEW), 4)] == ["6", "7", "8", "9"]
    assert await both.tail((OLD, NEW), 0) == ()


@pytest.mark.parametrize("count", [1, 3, 8, 9, 100])
async def test_a_long_history_has_the_last_lines_of_both_together(tmp_path: Path, count: int):
    both = logs(Lines(*FILES), Lines(*JOURNAL, batch=3), tmp_path)

    assert await history(both, count) == [str(second) for second in range(1, 10)][-count:]


@pytest.mark.parametrize(("files", "journal"), [(FILES, []), ([], JOURNAL), ([], [])])
async def test_an_app_that_never_moved_has_lines_of_one_source(
    tmp_path: Path, files: list[LogLine], journal: list[LogLine]
):
    both = logs(Lines(*files), Lines(*journal), tmp_path)

    assert await history(both, 3) == [it.text for it in (*files, *journal)][-3:]
    assert [it.text for it in await both.tail((OLD, NEW), 3)] == [it.text for it in (*files, *journal)][-3:]


async def test_the_journal_is_not_asked_on_a_host_without_systemd(tmp_path: Path):
    journal = Lines(*JOURNAL)
    both = logs(Lines(*FILES), journal, tmp_path / "missing")

    assert await both.writers("shop") == (OLD,)
    assert await history(both, 100) == ["1", "2", "3", "5", "8"]
    assert [it.text for it in await both.tail((OLD, NEW), 9)] == ["1", "2", "3", "5", "8"]
    await both.forget("shop")
    assert (journal.asked, journal.forgotten) == (0, [])


async def test_an_instance_with_lines_in_a_file_is_not_searched_in_the_journal(tmp_path: Path):
    journal = Lines()
    both = logs(Lines(*FILES), journal, tmp_path)

    await both.tail((OLD,), 3)

    assert journal.asked == 0


async def test_both_are_followed_and_forgotten(tmp_path: Path):
    podman, journal = Lines(*FILES), Lines(*JOURNAL)
    both = logs(podman, journal, tmp_path)

    found = []
    async for it in both.follow((OLD, NEW), since=START):
        found.append(it.text)
        if len(found) == 9:
            break
    await both.forget("shop")

    assert sorted(found) == [str(second) for second in range(1, 10)]
    assert (podman.forgotten, journal.forgotten) == (["shop"], ["shop"])


async def test_an_error_of_either_source_ends_following(tmp_path: Path):
    broken = RuntimeUnavailable("the journal does not answer", next="…")
    both = logs(Lines(), Lines(error=broken), tmp_path)

    with pytest.raises(RuntimeUnavailable):
        async for _ in both.follow((OLD, NEW), since=START):
            pass


async def test_an_instance_with_a_unit_is_not_searched_in_files(tmp_path: Path):
    podman, journal = Lines(*FILES), Lines(*JOURNAL)
    both = logs(podman, journal, tmp_path, NEW)

    tail = [it.text for it in await both.tail((NEW,), 2)]
    past = [it.text async for batch in both.history((NEW,), 2) for it in batch]
    async for _ in both.follow((OLD, NEW), since=START):
        break

    assert (tail, past) == (["7", "9"], ["7", "9"])
    assert podman.asked == 0
    assert podman.followed == [OLD]
