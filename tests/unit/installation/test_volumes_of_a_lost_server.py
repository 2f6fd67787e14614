import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pvdify.errors import BackupFailed, VolumeExists
from pvdify.installation.from_target import Volume, _volumes_in, fill


@pytest.mark.parametrize("has_runtimes", [False, True])
def test_volumes_of_apps_in_the_cluster_are_known_as_such(tmp_path: Path, has_runtimes: bool):
    database = tmp_path / "pvdify.db"
    with closing(sqlite3.connect(database)) as making:
        making.execute("CREATE TABLE volumes (id TEXT, app TEXT, name TEXT, trashed_at TEXT)")
        making.execute("CREATE TABLE slots (app TEXT, state TEXT)")
        making.executemany("INSERT INTO volumes VALUES (?, ?, 'data', NULL)", [("1", "blog"), ("2", "shop")])
        making.executemany("INSERT INTO slots VALUES (?, ?)", [("blog", "retired"), ("blog", "live"), ("shop", "live")])
        if has_runtimes:
            making.execute("ALTER TABLE slots ADD COLUMN runtime TEXT NOT NULL DEFAULT ''")
            making.execute("UPDATE slots SET runtime = 'kubernetes' WHERE app = 'shop' OR state = 'retired'")
        making.commit()

    assert _volumes_in(database) == (
        Volume(id="1", app="blog", name="data"),
        Volume(id="2", app="shop", name="data", is_in_cluster=has_runtimes),
    )


class Copies:
    """Copies of volumes into a folder. ``fails``: the disk is full after the first file."""

    def __init__(self, target: Path, *, fails: bool = False) -> None:
        self._target, self._fails, self.had_mark = target, fails, False
        self.mark = target.parent / "restoring" / "v1"

    async def new_directory(self, _app: str, id: str) -> Path:
        if any(self._target.iterdir()):
            raise VolumeExists(f"the volume {id} was not restored")
        return self._target

    async def copy_in(self, _app: str, _id: str, _content: Path) -> None:
        (self._target / "folder").mkdir()
        (self._target / "folder" / "first").write_text("1")
        self.had_mark = self.mark.exists()
        if self._fails:
            raise BackupFailed("the volume was not copied", why="no space left on device")


async def test_a_volume_is_marked_until_it_is_whole_and_empty_after_an_error(tmp_path: Path):
    (target := tmp_path / "volume").mkdir()
    volume, full, right = Volume(id="v1", app="shop", name="data"), Copies(target, fails=True), Copies(target)

    with pytest.raises(BackupFailed):
        await filled(volume, full)
    left = list(target.iterdir())
    await filled(volume, right)
    with pytest.raises(VolumeExists):
        await filled(volume, right)

    assert (left, full.had_mark, right.had_mark, right.mark.exists()) == ([], True, True, False)
    assert (target / "folder" / "first").exists()


async def filled(volume: Volume, copies: Any) -> None:
    await fill(volume, Path("/nonexistent"), copies, copies.mark)
