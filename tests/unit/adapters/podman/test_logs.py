import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pvdify.adapters.podman.logs import logs
from pvdify.adapters.podman.logs.logs import LogFiles
from pvdify.adapters.podman.logs.records import LineAssembler
from tests.fakes.clock import FakeClock

START = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def record(second: float, text: str, *, stream: str = "stdout", flag: str = "F") -> str:
    return f"{(START + timedelta(seconds=second)).isoformat()} {stream} {flag} {text}\n"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(settle=0.005)  # reading happens in a thread


@pytest.fixture
def files(tmp_path: Path, clock: FakeClock) -> LogFiles:
    (tmp_path / "shop").mkdir()
    return LogFiles(tmp_path, clock, instances=tmp_path / "run" / "instances")


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "shop" / "web.log"


async def collect(files: LogFiles, names: list[str], count: int, *, since: datetime = START) -> list[str]:
    texts: list[str] = []
    async for line in files.follow(names, since):
        texts.append(line.text)
        if len(texts) == count:
            break
    return texts


def test_pieces_of_a_line_are_put_together_for_each_stream_apart():
    assembler = LineAssembler("web")
    raw = record(0, "one ", flag="P") + record(0, "err", stream="stderr") + record(1, "two") + record(2, "") + "junk\n"

    lines = [assembler.add(line.encode()) for line in raw.splitlines()]

    assert [line and (line.stream, line.text) for line in lines] == [
        None,
        ("stderr", "err"),
        ("stdout", "one two"),
        ("stdout", ""),
        None,
    ]


def test_conmons_nanoseconds_and_offsets_are_understood():
    line = LineAssembler("web").add(b"2026-11-23T13:00:00.461320754+01:00 stdout F hello  world ")

    assert line is not None
    assert line.at == START.replace(microsecond=461320)
    assert line.text == "hello  world "


async def test_the_tail_of_several_instances_is_merged_by_time(files, log):
    log.write_text(record(1, "a") + record(3, "c"))
    log.with_name("web2.log").write_text(record(2, "b") + record(4, "d"))

    lines = await files.tail(["web", "web2", "absent"], 3, None)
    later = await files.tail(["web", "web2"], 10, START + timedelta(seconds=2))

    assert [(line.instance, line.text) for line in lines] == [("web2", "b"), ("web", "c"), ("web2", "d")]
    assert [line.text for line in later] == ["c", "d"]
    assert await files.tail(["web"], 0, None) == ()


async def test_a_long_logs_tail_is_read_from_its_end(files, log, monkeypatch):
    monkeypatch.setattr(logs, "CHUNK", 200)  # smaller than the lines that are asked for
    log.write_text("".join(record(number, f"line {number}") for number in range(100)))

    lines = await files.tail(["web"], 12, None)

    assert [line.text for line in lines] == [f"line {number}" for number in range(88, 100)]


async def test_a_tail_since_a_moment_reads_no_further_back(files, log, monkeypatch):
    monkeypatch.setattr(logs, "CHUNK", 200)
    log.write_text("".join(record(number, f"line {number}") for number in range(100)))

    lines = await files.tail(["web"], 1000, START + timedelta(seconds=90))

    assert [line.text for line in lines] == [f"line {number}" for number in range(91, 100)]


async def test_following_waits_for_a_log_that_is_not_there_yet(files, log, clock):
    following = asyncio.create_task(collect(files, ["web"], 2))
    await clock.sleep(1)
    log.write_text(record(1, "first") + record(2, "sec")[:-1])
    await clock.sleep(1)
    with log.open("a") as file:
        file.write("ond\n")

    assert await following == ["first", "second"]


async def test_following_continues_after_truncation_and_replacement(files, log, clock):
    log.write_text(record(1, "one") + record(2, "two"))
    following = asyncio.create_task(collect(files, ["web"], 4))
    await clock.sleep(3)

    log.write_text(record(3, "three"))
    await clock.sleep(3)
    fresh = log.with_suffix(".tmp")
    fresh.write_text(record(4, "four"))
    fresh.replace(log)

    assert await following == ["one", "two", "three", "four"]


async def test_following_skips_older_lines(files, log):
    log.write_text(record(1, "one") + record(2, "two") + record(3, "three"))

    assert await collect(files, ["web"], 1, since=START + timedelta(seconds=2)) == ["three"]


def test_the_oldest_of_many_logs_are_removed(files, log, monkeypatch):
    monkeypatch.setattr(logs, "MOST_FILES_OF_AN_APP", 2)
    for number in range(4):
        log.with_name(f"web{number}.log").write_text("")

    assert files.make_room("shop", "web9") == log.with_name("web9.log")

    assert len(list(log.parent.glob("*.log"))) == 2


async def test_one_off_output_is_read_from_its_own_directory(files, log, tmp_path):
    output = tmp_path / "run" / "instances" / "hook" / "output.log"
    output.parent.mkdir(parents=True)
    output.write_text(record(0, "+ migrate"))

    lines = await files.tail(["hook"], 10, None)

    assert [line.text for line in lines] == ["+ migrate"]


async def test_a_last_line_without_its_end_is_in_the_tail(files, log):
    log.write_text(record(1, "starting") + record(2, "FATAL: ", stream="stderr", flag="P")
                   + record(3, "DATABASE_URL is missing", stream="stderr", flag="P"))  # fmt: skip

    lines = await files.tail(["web"], 10, None)

    assert [(line.text, line.is_part) for line in lines] == [
        ("starting", False),
        ("FATAL: DATABASE_URL is missing", True),
    ]


async def test_a_follower_is_given_a_line_without_its_end_after_a_second(files, log, clock):
    log.write_text(record(0.5, "ready"))
    following = asyncio.create_task(collect(files, ["web"], 4))
    await clock.sleep(0.6)
    with log.open("a") as stream:
        stream.write(record(1, "Password: ", flag="P"))
    await clock.sleep(0.6)
    with log.open("a") as stream:
        stream.write(record(1.6, "(hidden) ", flag="P"))
    await clock.sleep(2)
    with log.open("a") as stream:
        stream.write(record(4, "thanks") + record(5, "next"))

    texts = await following

    assert texts == ["ready", "Password: (hidden) ", "thanks", "next"]


async def test_a_follower_begins_with_the_unfinished_line_that_the_tail_has_returned(files, log, clock):
    log.write_text(record(1, "..", flag="P") + record(2, "..", flag="P"))
    (shown,) = await files.tail(["web"], 10, None)
    following = asyncio.create_task(collect(files, ["web"], 1, since=shown.at))
    await clock.sleep(0.3)
    with log.open("a") as stream:
        stream.write(record(3, "..", flag="P"))

    texts = await following

    assert shown.text == "...."
    assert texts == [".."]


async def test_an_unfinished_line_is_not_older_than_what_was_written_meanwhile(files, log):
    log.write_text(record(1, "name? ", flag="P") + record(2, "oh", stream="stderr"))

    found = await files.tail(["web"], 10, None)

    assert [(line.text, line.at.second) for line in found] == [("oh", 2), ("name? ", 2)]


def test_a_character_that_is_cut_by_the_end_of_a_piece_is_whole():
    assembler = LineAssembler("web")
    start, end = (
        "caf\N{LATIN SMALL LETTER E WITH ACUTE}".encode()[:-1],
        "\N{LATIN SMALL LETTER E WITH ACUTE}".encode()[1:],
    )

    assert assembler.add(record(1, "", flag="P").encode().removesuffix(b"\n") + start) is None
    (part,) = assembler.rest()
    line = assembler.add(record(2, "").encode().removesuffix(b"\n") + end + b"s\r")

    assert (part.text, part.is_part) == ("caf", True)
    assert line is not None
    assert line.text == "\N{LATIN SMALL LETTER E WITH ACUTE}s"


def test_of_removed_logs_no_folder_is_left(files: LogFiles, log: Path) -> None:
    log.write_text(record(1, "one"))
    other = log.with_name("v1.deploy.jsonl")
    other.write_text("{}")

    files.remove("shop")
    kept = other.exists()
    other.unlink()
    files.remove("shop")

    assert kept
    assert not log.parent.exists()
