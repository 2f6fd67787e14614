from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pvdify.adapters.clock.clock import SystemClock
from pvdify.adapters.kubernetes import collector
from pvdify.adapters.kubernetes.collector import RecordFile
from pvdify.adapters.podman.logs.logs import LogFiles

FIRST, SECOND = b"2026-01-01T00:00:00.5Z", b"2026-01-01T00:00:00.500000001Z"


async def lines(path: Path) -> list[tuple[str, bool]]:
    files = LogFiles(path.parent.parent, SystemClock(), instances=path.parent.parent / "none")
    return [(line.text, line.is_part) for line in await files.tail([path.stem], 10, None)]


@pytest.fixture(autouse=True)
def opened(monkeypatch) -> Iterator[None]:
    """Closes the files that a test opens."""
    files: list[RecordFile] = []
    init = RecordFile.__init__

    def note(self, *given, **named) -> None:
        init(self, *given, **named)
        files.append(self)

    monkeypatch.setattr(RecordFile, "__init__", note)
    yield
    for file in files:
        file.close()


def place(tmp_path: Path) -> Path:
    (tmp_path / "shop").mkdir()
    return tmp_path / "shop" / "web-1.log"


async def test_collected_output_is_read_as_lines(tmp_path: Path):
    file = RecordFile(path := place(tmp_path))

    file.add(FIRST + b" one\n" + SECOND[:10])
    file.add(SECOND[10:] + b" two\n" + FIRST.replace(b"00.5", b"09") + b" Password: ")
    file.finish()

    assert await lines(path) == [("one", False), ("two", False), ("Password: ", True)]


async def test_lines_repeated_after_a_reconnect_are_skipped(tmp_path: Path):
    file = RecordFile(path := place(tmp_path))
    file.add(FIRST + b" one\n" + SECOND + b" tw")
    file.drop_rest()

    file.add(FIRST + b" one\n" + SECOND + b" two\n")

    assert await lines(path) == [("one", False), ("two", False)]


async def test_lines_lost_to_a_full_disk_are_written_when_they_are_sent_again(tmp_path: Path):
    file = RecordFile(path := place(tmp_path))
    file.add(FIRST + b" one\n")
    with Path("/dev/full").open("ab", buffering=0) as full:
        disk, file._file = file._file, full
        with pytest.raises(OSError, match="No space left"):
            file.add(SECOND + b" two\n")
    file._file = disk

    file.drop_rest()
    file.add(FIRST + b" one\n" + SECOND + b" two\n")

    assert await lines(path) == [("one", False), ("two", False)]


async def test_after_a_restart_collecting_continues_where_the_file_ended(tmp_path: Path):
    file = RecordFile(path := place(tmp_path))
    file.add(FIRST + b" one\n")
    file.close()

    file = RecordFile(path, is_resumed=True)
    assert file.last == FIRST.decode()
    file.add(FIRST + b" one\n" + SECOND + b" two\n")

    assert await lines(path) == [("one", False), ("two", False)]


async def test_the_next_container_may_have_a_clock_that_is_behind(tmp_path: Path):
    file = RecordFile(path := place(tmp_path))
    file.add(SECOND + b" one\n")
    file.close()

    RecordFile(path).add(b"2025-12-31T23:59:59Z two\n")

    assert sorted(await lines(path)) == [("one", False), ("two", False)]


async def test_an_endless_line_takes_bounded_memory(tmp_path: Path):
    file = RecordFile(path := place(tmp_path))

    file.add(FIRST + b" ")
    for _ in range(100):
        file.add(b"x" * 1024)
        assert len(file._rest) <= collector.LARGEST_PIECE * 3
    file.add(b"\n")

    ((text, is_part),) = await lines(path)
    assert (len(text), is_part) == (100 * 1024, False)


async def test_a_file_that_grew_too_large_is_truncated(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(collector, "LARGEST_FILE", 100)
    file = RecordFile(path := place(tmp_path))

    for number in range(10):
        file.add(f"2026-01-01T00:00:0{number}Z line {number}\n".encode())

    assert path.stat().st_size <= 100
    assert (await lines(path))[-1] == ("line 9", False)


def test_times_are_ordered_to_the_nanosecond():
    assert collector.order(FIRST.decode()) < collector.order(SECOND.decode())
    assert collector.order("no time") == ""
    assert datetime.fromisoformat(FIRST.decode()).astimezone(UTC).microsecond == 500000
