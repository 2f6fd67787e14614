"""The access log in the journal, printed by a fake journalctl."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from pvdify.adapters.haproxy.access_journal import AccessLogJournal, follow_entries, newest_entries
from pvdify.errors import RuntimeUnavailable
from pvdify.model.visit import CutVisits, Visit
from pvdify.plumbing.command_runner import Argv
from tests.fakes.clock import FakeClock
from tests.unit.adapters.haproxy.test_access_log import BROKEN_OFF, NOT_BROKEN_OFF, NOW, line

UNIT = "pvdify-router.service"


class FakeJournal:
    """Implements ``stream`` of ``plumbing.command_runner.CommandRunner`` for journalctl alone."""

    def __init__(self, entries: list[str], *, is_missing: bool = False) -> None:
        self.entries = entries
        self.asked: list[Argv] = []
        self.printed = 0
        self._is_missing = is_missing

    @asynccontextmanager
    async def stream(self, argv: Argv) -> AsyncIterator[AsyncIterator[str]]:
        self._note(argv)
        yield self._printed(reversed(self.entries) if "--reverse" in argv else self.entries)

    async def _printed(self, entries: Iterable[str]) -> AsyncIterator[str]:
        for entry in entries:
            self.printed += 1
            yield entry

    def _note(self, argv: Argv) -> None:
        self.asked.append(argv)
        if self._is_missing:
            raise RuntimeUnavailable("journalctl cannot be started", why="no such file", next="install it")


def entry(**more: object) -> str:
    return line(**more).decode().rstrip()


def journal(fake: FakeJournal) -> AccessLogJournal:
    return AccessLogJournal(UNIT, runner=fake, clock=FakeClock())


async def test_other_lines_of_the_router_are_not_visits() -> None:
    fake = FakeJournal([entry(request_id="1"), "[NOTICE] Loading success.", entry(request_id="2")])

    assert [visit.request_id for visit in await journal(fake).tail(2)] == ["1", "2"]


async def test_the_last_visits_of_one_app_are_found_behind_those_of_others() -> None:
    others = [entry(target="blog/v1/0") for _ in range(500)]
    fake = FakeJournal([entry(request_id="1"), entry(request_id="2"), *others])

    assert [visit.request_id for visit in await journal(fake).tail(1, app="shop")] == ["2"]


async def test_the_journal_is_read_only_until_enough_visits_are_found() -> None:
    fake = FakeJournal([*[entry(request_id="old") for _ in range(5_000)], entry(request_id="new")])

    assert [visit.request_id for visit in await journal(fake).tail(2)] == ["old", "new"]
    assert fake.printed == 2


async def test_an_empty_journal_has_no_visits() -> None:
    assert await journal(FakeJournal([entry()])).tail(0) == ()


async def test_an_unreadable_journal_counts_as_empty() -> None:
    assert await journal(FakeJournal([], is_missing=True)).tail(5) == ()


async def test_new_visits_are_followed_immediately() -> None:
    fake = FakeJournal(
        [entry(request_id="old", time="2001-01-01T00:00:00.000Z"), entry(request_id="new"), "[NOTICE] hello"]
    )
    seen: list[Visit] = []

    async for visit in journal(fake).follow():
        if visit is None:
            break
        seen.append(visit)

    assert [visit.request_id for visit in seen] == ["new"]


async def test_the_journalctl_arguments() -> None:
    assert newest_entries(UNIT) == (
        "journalctl", "--quiet", "--no-pager", "--all", "--output", "cat", "--unit", UNIT,
        "--lines", "200000", "--reverse",
    )  # fmt: skip
    assert follow_entries(UNIT, FakeClock().now())[-4:-2] == ("--since", f"@{int(FakeClock().now().timestamp())}")


async def test_aborted_answers_are_counted() -> None:
    entries = [entry.decode().strip() for entry in (*BROKEN_OFF, *NOT_BROKEN_OFF)]
    journal = FakeJournal(["a word of its own", *entries])
    subject = AccessLogJournal(UNIT, runner=journal, clock=FakeClock())

    assert await subject.cut("shop", NOW, 42) == CutVisits(broken_off=len(BROKEN_OFF), ended=1)
    assert await subject.cut("zoo", NOW, 1) == CutVisits(broken_off=0, ended=0)
    assert journal.asked[0][-2:] == ("--since", f"@{int(NOW.timestamp())}")
