"""The access log in the journal, printed by a fake journalctl."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from pvdify.adapters.haproxy.access_journal import AccessLogJournal, follow_entries, read_entries
from pvdify.errors import RuntimeUnavailable
from pvdify.model.visit import CutVisits, Visit
from pvdify.plumbing.command_runner import Argv, Completed
from tests.fakes.clock import FakeClock
from tests.unit.adapters.haproxy.test_access_log import BROKEN_OFF, NOT_BROKEN_OFF, NOW, line

UNIT = "pvdify-router.service"


class FakeJournal:
    """Implements ``plumbing.command_runner.CommandRunner`` for journalctl alone."""

    def __init__(self, entries: list[str], *, is_missing: bool = False) -> None:
        self.entries = entries
        self.asked: list[Argv] = []
        self._is_missing = is_missing

    async def run(
        self,
        argv: Argv,
        *,
        stdin: bytes = b"",
        environment: Mapping[str, str] | None = None,
        directory: Path | None = None,
        timeout: float = 60.0,
    ) -> Completed:
        self._note(argv)
        count = int(argv[argv.index("--lines") + 1])
        return Completed(argv=argv, exit_code=0, stdout="".join(f"{e}\n" for e in self.entries[-count:]), stderr="")

    @asynccontextmanager
    async def stream(self, argv: Argv) -> AsyncIterator[AsyncIterator[str]]:
        self._note(argv)
        yield self._all()

    async def _all(self) -> AsyncIterator[str]:
        for entry in self.entries:
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
    assert read_entries(UNIT, 20) == (
        "journalctl", "--quiet", "--no-pager", "--all", "--output", "cat", "--unit", UNIT, "--lines", "20",
    )  # fmt: skip
    assert follow_entries(UNIT, FakeClock().now())[-4:-2] == ("--since", f"@{int(FakeClock().now().timestamp())}")


async def test_aborted_answers_are_counted() -> None:
    entries = [entry.decode().strip() for entry in (*BROKEN_OFF, *NOT_BROKEN_OFF)]
    journal = FakeJournal(["a word of its own", *entries])
    subject = AccessLogJournal(UNIT, runner=journal, clock=FakeClock())

    assert await subject.cut("shop", NOW, 42) == CutVisits(broken_off=len(BROKEN_OFF), ended=1)
    assert await subject.cut("zoo", NOW, 1) == CutVisits(broken_off=0, ended=0)
    assert journal.asked[0][-2:] == ("--since", f"@{int(NOW.timestamp())}")
