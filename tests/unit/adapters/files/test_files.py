"""Deploy logs on a real disk."""

from datetime import UTC, datetime
from pathlib import Path

from pvdify.adapters.files.deploy_log import FileDeployLog
from pvdify.adapters.files.whole_file import write_whole
from pvdify.model.deploy_log import EntryKind, LogEntry

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def test_whole_write_replaces_and_leaves_no_temporary_file(tmp_path: Path):
    file = tmp_path / "deep" / "file"

    write_whole(file, b"one")
    write_whole(file, b"two")

    assert file.read_bytes() == b"two"
    assert [it.name for it in file.parent.iterdir()] == ["file"]


async def test_log_keeps_entries_in_order_and_skips(tmp_path: Path):
    log = FileDeployLog(tmp_path)
    entries = [LogEntry(at=NOW, kind=EntryKind.OUTPUT, text=f"line {number}\n☃") for number in range(3)]
    for entry in entries:
        await log.append("shop", 1, entry)

    assert await log.read("shop", 1) == tuple(entries)
    assert await log.read("shop", 1, skip=2) == (entries[2],)
    assert await log.read("shop", 2) == ()


async def test_reading_on_reads_only_what_is_new(tmp_path: Path):
    log, file = FileDeployLog(tmp_path), tmp_path / "shop" / "v1.deploy.jsonl"
    entries = [LogEntry(at=NOW, kind=EntryKind.OUTPUT, text=f"line {number}") for number in range(300)]
    await log.append("shop", 1, *entries[:200])
    first = await log.read("shop", 1, most=150)
    second = await log.read("shop", 1, skip=150)
    with file.open("r+b") as stream:  # no reader reads this again
        stream.write(b"x" * 1000)

    await log.append("shop", 1, *entries[200:])
    third = await log.read("shop", 1, skip=200)

    assert [*first, *second, *third] == entries


async def test_a_half_written_last_line_is_not_an_entry(tmp_path: Path):
    log = FileDeployLog(tmp_path)
    await log.append("shop", 1, LogEntry(at=NOW, kind=EntryKind.NOTE, text="x"))
    with open(tmp_path / "shop" / "v1.deploy.jsonl", "a") as stream:
        stream.write('{"at": "2026')

    assert len(await log.read("shop", 1)) == 1


async def test_a_watcher_is_woken_by_an_entry_and_by_the_end(tmp_path: Path):
    log = FileDeployLog(tmp_path)
    first = log.watch("shop", 1)
    await log.append("shop", 1, LogEntry(at=NOW, kind=EntryKind.NOTE))
    second = log.watch("shop", 1)

    assert first.is_set()
    assert not second.is_set()
    log.end("shop", 1)
    assert second.is_set()


async def test_a_log_that_cannot_be_written_raises_no_error(tmp_path: Path):
    (tmp_path / "shop").write_text("in the way")

    await FileDeployLog(tmp_path).append("shop", 1, LogEntry(at=NOW, kind=EntryKind.NOTE))
