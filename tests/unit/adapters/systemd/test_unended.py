"""Lines without an end: what a follower gets, and what is read without following."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pvdify.adapters.podman.logs.last_lines import LastLines
from pvdify.adapters.systemd.lines import BEGINNING, Lines
from pvdify.adapters.systemd.parse import Entry
from pvdify.adapters.systemd.unended import UnendedLines
from pvdify.model.instance import LogLine
from tests.fakes.clock import FakeClock
from tests.fakes.conmon import FakeConmon

E_ACUTE = "\N{LATIN SMALL LETTER E WITH ACUTE}"
SECOND = timedelta(seconds=1)
PIECES = st.lists(
    st.tuples(
        st.sampled_from(["stdout", "stdout", "stderr"]),
        st.sampled_from(
            ["a", ".", "name? ", "x\n", "\n", "a\nb\nc", "\r", "\r\n", "y" * 5000, "z" * 8192, E_ACUTE, "l\n" * 60]
        ),
        st.sampled_from(["write", "wait", "wait", "journal", "lag", "cut"]),
    ),
    max_size=40,
)  # fmt: skip


class Follower:
    """Follows the instance ``web`` from a moment: reads the end of its output, and is given its entries one by one."""

    def __init__(self, run_dir: Path, conmon: FakeConmon, *, floor: datetime = BEGINNING, seconds: float = 0) -> None:
        self.lines: list[LogLine] = []
        self.clock = FakeClock()
        self.clock.jump(seconds)
        self._conmon = conmon
        self._known = sum(entry.at < floor for entry in conmon.entries)
        self._assembler = Lines("s", floor=floor)
        self._unended = UnendedLines(self._assembler, {"web": LastLines(run_dir=run_dir).reader("web")}, self.clock)
        self._unended.look()

    def read_journal(self, most: int | None = None) -> None:
        """Add the entries that are in the journal by now, at most this many."""
        while self._known < len(self._conmon.entries) and most != 0:
            entry = self._conmon.entries[self._known]
            self._known += 1
            self.lines += self._assembler.add_all((entry,))
            self.lines += self._unended.added("web")
            most = most - 1 if most is not None else None

    def wait(self, seconds: float) -> None:
        for _ in range(round(seconds / 0.25)):
            self.clock.jump(0.25)
            self.lines += self._unended.look()

    @property
    def texts(self) -> list[tuple[str, bool]]:
        return [(line.text, line.is_part) for line in self.lines]


def written(lines: Iterable[LogLine], stream: str = "stdout") -> str:
    return "".join(line.text + ("" if line.is_part else "\n") for line in lines if line.stream == stream)


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    (tmp_path / "instances").mkdir()
    return tmp_path


def start(run_dir: Path, container: str = "c1", size: int = 2000, delay: timedelta = timedelta()) -> FakeConmon:
    return FakeConmon(run_dir / "instances" / "web", container=container, size=size, delay=delay)


def tail(run_dir: Path, entries: Iterable[Entry | None], now: datetime, *, is_all: bool = True) -> list[LogLine]:
    end, lines = LastLines(run_dir=run_dir).reader("web")(), Lines("s")
    ends = {"web": end} if end is not None else {}
    return [*lines.add_all(entries), *lines.tail_of(ends, now, is_all=is_all), *lines.rest()]


def test_a_prompt_is_shown_after_a_second_and_its_answer_alone(run_dir: Path) -> None:
    conmon = start(run_dir)
    follower = Follower(run_dir, conmon)
    conmon.write(b"one\nname? ")
    follower.read_journal()

    follower.wait(0.75)
    early = list(follower.texts)
    follower.wait(1)
    shown = list(follower.texts)
    conmon.write(b"Ada\nbye\n")
    follower.read_journal()

    assert early == [("one", False)]
    assert shown == [("one", False), ("name? ", True)]
    assert follower.texts == [*shown, ("Ada", False), ("bye", False)]
    assert [line.at for line in follower.lines] == sorted(line.at for line in follower.lines)


def test_the_text_waits_for_the_lines_before_it_and_is_not_shown_after_its_end(run_dir: Path) -> None:
    conmon = start(run_dir)
    follower = Follower(run_dir, conmon)
    conmon.write(b"one\n")
    conmon.write(b"oh\n", "stderr")
    conmon.write(b"name? ")

    follower.wait(3)
    nothing = list(follower.texts)
    conmon.write(b"Ada\nname? ")  # the journal is far behind
    follower.read_journal(1)
    follower.wait(3)
    one = list(follower.texts)
    follower.read_journal()
    follower.wait(3)

    assert nothing == []
    assert one == [("one", False)]
    assert follower.texts == [
        ("one", False), ("oh", False), ("name? ", True), ("Ada", False), ("name? ", True)
    ]  # fmt: skip


def test_what_was_in_an_earlier_second_is_neither_awaited_nor_repeated(run_dir: Path) -> None:
    conmon = start(run_dir, size=100_000)
    conmon.write(b"one\n" + b"x" * 9000)
    conmon.write(b"yy")
    conmon.now += 60 * SECOND
    follower = Follower(run_dir, conmon, floor=conmon.now)

    follower.wait(2)
    conmon.write(b"end\n")
    follower.read_journal()

    assert follower.texts == [("yy", True), ("end", False)]


def test_a_line_that_began_in_a_replaced_file_is_shown_when_it_ends(run_dir: Path) -> None:
    conmon = start(run_dir, size=500)
    for _ in range(30):
        conmon.write(b"half of a secret, ")
    follower = Follower(run_dir, conmon)

    follower.wait(3)
    assert tail(run_dir, conmon.entries, conmon.now + 9 * SECOND) == []
    conmon.write(b"the end\n")
    follower.read_journal()

    assert follower.texts == [("half of a secret, " * 30 + "the end", False)]


@pytest.mark.parametrize("size", [500, 100_000])
def test_lines_that_fill_the_file_are_followed_by_the_text_after_them(run_dir: Path, size: int) -> None:
    conmon = start(run_dir, size=size, delay=SECOND / 2)
    conmon.write(b"l\n" * 50)
    conmon.write(b"l\n" * 55 + b"name? ")
    follower = Follower(run_dir, conmon)

    found = tail(run_dir, conmon.entries, conmon.now + 2 * SECOND)
    follower.read_journal()
    follower.wait(3)
    conmon.write(b"Ada\n")
    later = tail(run_dir, conmon.entries, conmon.now + 2 * SECOND)
    follower.read_journal()

    assert written(found) == "l\n" * 105 + "name? "
    assert written(later) == "l\n" * 105 + "name? Ada\n"
    assert written(follower.lines) == written(later)


def test_what_was_there_at_the_beginning_comes_in_its_pieces_for_followers_that_have_some(run_dir: Path) -> None:
    conmon = start(run_dir)
    began = (conmon.now - FakeClock().now()).total_seconds() + 10
    for text in (b"one\n", b".", E_ACUTE.encode()[:1], E_ACUTE.encode()[1:], b".."):
        conmon.write(text)
    (*_, shown) = tail(run_dir, conmon.entries, conmon.now + 2 * SECOND)
    conmon.write(b"!")
    conmon.now += 20 * SECOND
    follower = Follower(run_dir, conmon, seconds=began)
    conmon.write(b"?")
    conmon.write(b"?")

    follower.read_journal()
    follower.wait(2)

    assert shown.text == f".{E_ACUTE}.."
    assert follower.texts == [("one", False), (".", True), (E_ACUTE, True), ("..", True), ("!", True), ("??", True)]
    assert "".join(line.text for line in follower.lines if line.at > shown.at) == "!??"


def test_the_next_run_begins_a_line_of_its_own(run_dir: Path) -> None:
    conmon = start(run_dir)
    follower = Follower(run_dir, conmon)
    conmon.write(b"name? ")
    follower.wait(2)
    conmon.end()
    follower.read_journal()
    entries, now = conmon.entries, conmon.now + 5 * SECOND

    again = start(run_dir, "c2")
    again.now = now
    again.entries = entries
    again.write(b"name? ")
    found = tail(run_dir, entries, now + 2 * SECOND)
    follower.wait(2)
    again.write(b"Ada\n")
    follower.read_journal()

    assert follower.texts == [("name? ", True), ("name? ", True), ("Ada", False)]
    assert [(line.text, line.is_part) for line in found] == [("name? ", False), ("name? ", True)]


def test_text_of_a_moment_ago_is_not_shown_without_following(run_dir: Path) -> None:
    conmon = start(run_dir)
    conmon.write(b"one\ntw")

    early = tail(run_dir, conmon.entries, conmon.now)
    late = tail(run_dir, conmon.entries, conmon.now + SECOND)

    assert [line.text for line in early] == ["one"]
    assert [line.text for line in late] == ["one", "tw"]


def test_text_is_not_shown_before_the_lines_before_it(run_dir: Path) -> None:
    conmon = start(run_dir, size=100_000)
    conmon.write(b"l\n" * 50 + b"name? ")
    now = conmon.now + 9 * SECOND

    assert written(tail(run_dir, conmon.entries[:49], now)) == "l\n" * 49
    assert written(tail(run_dir, conmon.entries[:1], now, is_all=False)) == "l\nname? "  # those before were not read
    assert written(tail(run_dir, [], now)) == ""
    assert written(tail(run_dir, conmon.entries, now)) == "l\n" * 50 + "name? "


def test_text_is_shown_after_newer_lines_of_others(run_dir: Path) -> None:
    conmon = start(run_dir)
    conmon.write(b"one\nname? ")
    other = FakeConmon(run_dir / "instances" / "other", tag="other.s")
    other.now = conmon.now + SECOND
    other.write(b"l\n" * 5)

    found = tail(run_dir, other.entries, other.now, is_all=False)

    assert [line.text for line in found] == ["l"] * 5 + ["name? "]


def test_there_is_no_end_without_the_file(run_dir: Path) -> None:
    read = LastLines(run_dir=run_dir).reader("web")

    assert read() is None
    start(run_dir).write(b"name? ")
    assert read() is not None
    (run_dir / "instances" / "web" / "cid").unlink()
    (run_dir / "instances" / "web" / "last-line.log").unlink()
    assert read() is None


@pytest.mark.slow
@given(pieces=PIECES, size=st.sampled_from([200, 1000, 20_000]), delay=st.sampled_from([0, 2]))
@settings(deadline=None, max_examples=300)
def test_a_follower_gets_every_byte_once_and_in_order(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[tuple[str, str, str]], size: int, delay: int
) -> None:
    run_dir = tmp_path_factory.mktemp("run")
    (run_dir / "instances").mkdir()
    conmon = start(run_dir, size=size, delay=delay * SECOND)
    follower = Follower(run_dir, conmon)
    expected = {"stdout": b"", "stderr": b""}

    for stream, text, then in pieces:
        data = text.encode()
        halves = (data[:1], data[1:]) if then == "cut" and len(data) > 1 else (data,)
        for half in halves:
            conmon.write(half, stream)
        expected[stream] += data
        if then == "journal":
            follower.read_journal()
        if then == "lag":
            follower.read_journal(3)
            follower.wait(0.5)
        if then == "wait":
            follower.read_journal()
            follower.wait(1.5)
    for stream in expected:
        conmon.write(b"\n", stream)
    follower.read_journal()

    for stream, data in expected.items():
        text = "\n".join(line.removesuffix("\r") for line in f"{data.decode()}\n".split("\n"))
        assert written(follower.lines, stream) == text
    assert [line.at for line in follower.lines] == sorted(line.at for line in follower.lines)
