"""The marks that say up to when lines in the journal are forgotten."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pvdify.adapters.podman.logs.last_lines import LastLines
from pvdify.adapters.systemd.journal import Journal
from pvdify.plumbing.command_runner import Completed
from tests.fakes.clock import START, FakeClock

DAY = timedelta(days=1).total_seconds()


class Tags:
    """A runner that lists the tags in the journal."""

    def __init__(self, *tags: str) -> None:
        self.tags, self.asked = tags, 0

    async def run(self, argv: tuple[str, ...], **_: Any) -> Completed:
        self.asked += 1
        return Completed(argv=argv, exit_code=0, stdout="\n".join(self.tags), stderr="")


def journal(tags: Tags, log_dir: Path, clock: FakeClock) -> Journal:
    return Journal(  # type: ignore[arg-type]
        runner=tags, systemctl=None, server_id="s1", log_dir=log_dir, ends=LastLines(run_dir=log_dir), clock=clock,
    )  # fmt: skip


def marks(log_dir: Path) -> dict[str, datetime]:
    found = [path for path in log_dir.rglob("*") if path.is_file()]
    return {str(path.relative_to(log_dir)): datetime.fromisoformat(path.read_text("ascii")) for path in found}


async def test_a_mark_leaves_nothing_in_the_folder_of_the_app(tmp_path: Path) -> None:
    clock = FakeClock()
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "forgotten").write_text("2025-01-01T00:00:00+00:00")  # by an earlier version

    await journal(Tags(), tmp_path, clock).forget("shop")

    assert marks(tmp_path) == {".forgotten/shop": START}
    assert not (tmp_path / "shop").exists()


async def test_marks_are_deleted_when_the_journal_has_no_line_of_the_app_any_more(tmp_path: Path) -> None:
    clock = FakeClock()
    tags = Tags("pvdify-kept-web-v1-1.s1", "pvdify-gone-web-v1-1.another-server")
    subject = journal(tags, tmp_path, clock)
    for app in ("kept", "gone"):
        await subject.forget(app)
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "forgotten").write_text("2025-01-01T00:00:00+00:00")
    clock.jump(DAY)

    await subject.forget("new")
    await subject.forget("newer")

    assert sorted(marks(tmp_path)) == [".forgotten/kept", ".forgotten/new", ".forgotten/newer"]
    assert not (tmp_path / "old").exists()
    assert tags.asked == 2


async def test_a_line_with_a_line_separator_of_unicode_is_read(tmp_path: Path) -> None:
    entry = {
        "CONTAINER_TAG": "pvdify-shop-web-v1-1.s1", "MESSAGE": "one\u2028two", "__CURSOR": "c", "PRIORITY": "6",
        "__REALTIME_TIMESTAMP": "1767225600000000",
    }  # fmt: skip
    printed = Tags(json.dumps(entry, ensure_ascii=False), json.dumps(entry, ensure_ascii=False))
    subject = journal(printed, tmp_path, FakeClock())
    subject._systemctl = Version()  # type: ignore[assignment]

    assert None not in await subject._read(("pvdify-shop-web-v1-1",), 10, None)


class Version:
    """systemctl that says its version alone."""

    async def version(self) -> int:
        return 252
