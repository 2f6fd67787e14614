import stat
from pathlib import Path

from pvdify.adapters.haproxy import disk, maps


def modes(directory: Path) -> set[int]:
    return {stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()}


def test_only_root_reads_the_files_of_a_router_without_a_user(tmp_path: Path) -> None:
    disk.prepare(tmp_path / "router")

    assert modes(tmp_path / "router") == {0o600}


def test_the_group_of_the_routers_user_reads_new_and_existing_files(tmp_path: Path) -> None:
    directory = tmp_path / "router"
    disk.prepare(directory)
    directory.chmod(0o2750)

    disk.prepare(directory)
    disk.write_whole(directory / disk.CONFIG, "global\n")

    assert modes(directory) == {0o640}
    assert {path.name for path in directory.iterdir()} == {disk.CONFIG, disk.TOKEN, *maps.MAPS}


def test_an_unchanged_file_is_not_written(tmp_path: Path) -> None:
    disk.write_whole(tmp_path / disk.CONFIG, "global\n")
    before = (tmp_path / disk.CONFIG).stat().st_ino

    disk.write_whole(tmp_path / disk.CONFIG, "global\n")
    same = (tmp_path / disk.CONFIG).stat().st_ino
    disk.write_whole(tmp_path / disk.CONFIG, "other\n")

    assert same == before
    assert (tmp_path / disk.CONFIG).read_text() == "other\n"
