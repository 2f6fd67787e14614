"""The data directory: its modes, and one pvdifyd at a time."""

import errno
import os
from pathlib import Path

import pytest

from pvdify.daemon.directories import DataDirLock, prepare
from pvdify.errors import DataDirInUse, InvalidSetting
from pvdify.settings import Settings, load


def settings_for(directory: Path) -> Settings:
    return load({"data_dir": str(directory)}, {}, Path("/nonexistent"))


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    # /run needs root, and is not ours to fill in a unit test
    monkeypatch.setattr(Settings, "run_dir", property(lambda self: self.data_dir.parent / "r"))
    return settings_for(tmp_path / "data")


def test_all_files_are_readable_by_their_owner_only(settings: Settings):
    prepare(settings)
    prepare(settings)

    for directory in (settings.data_dir, settings.data_dir / "config", settings.data_dir / "logs", settings.run_dir):
        assert directory.stat().st_mode & 0o777 == 0o700
    assert (settings.data_dir / "run").readlink() == settings.run_dir


def test_a_directory_that_cannot_be_created_is_an_error_that_says_why(tmp_path: Path, settings: Settings):
    (tmp_path / "data").write_text("in the way")

    with pytest.raises(InvalidSetting, match="cannot use the data directory"):
        prepare(settings)


def test_a_second_daemon_is_refused_with_the_pid_of_the_first(tmp_path: Path):
    first, second = DataDirLock(tmp_path), DataDirLock(tmp_path)
    first.acquire()

    with pytest.raises(DataDirInUse, match=r"pid \d+"):
        second.acquire()

    first.release()
    second.acquire()
    second.release()


def test_pvdifyd_starts_on_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The lock file exists since the last start; the pid in it is only informative."""
    earlier = DataDirLock(tmp_path)
    earlier.acquire()
    earlier.release()

    def fails(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", fails)
    lock = DataDirLock(tmp_path)
    lock.acquire()

    with pytest.raises(DataDirInUse):
        DataDirLock(tmp_path).acquire()
    lock.release()
