"""Copies of directories that change during the copy, or contain links and special files."""

import os
import socket
from pathlib import Path

import pytest

from pvdify.adapters.podman.volumes.tree_copy import TreeCopy


@pytest.fixture
def source(tmp_path: Path) -> Path:
    place = tmp_path / "source"
    (place / "folder").mkdir(parents=True)
    (place / "file").write_text("content")
    (place / "folder" / "script").write_text("#!/bin/sh")
    (place / "folder" / "script").chmod(0o750)
    return place


def copy_of(source: Path) -> TreeCopy:
    return TreeCopy(source=source, target=source.parent / "target")


def listing(place: Path) -> dict[str, tuple[int, int, int]]:
    return {
        str(path.relative_to(place)): (path.lstat().st_mode, path.lstat().st_uid, path.lstat().st_mtime_ns)
        for path in place.rglob("*")
    }


def test_content_modes_times_links_and_holes_are_kept(source: Path) -> None:
    (source / "link").symlink_to("folder/script")
    (source / "dangling").symlink_to("/nowhere")
    os.link(source / "file", source / "folder" / "second-name")
    os.mkfifo(source / "pipe", 0o640)
    with (source / "sparse").open("wb") as stream:
        stream.truncate(50_000_000)
        stream.seek(30_000_000)
        stream.write(b"in the middle")
    os.utime(source / "folder", ns=(1, 2))

    copy_of(source).update()

    target = source.parent / "target"
    assert listing(target) == listing(source)
    assert (target / "link").readlink() == Path("folder/script")
    assert (target / "file").stat().st_ino == (target / "folder" / "second-name").stat().st_ino
    assert (target / "sparse").read_bytes() == (source / "sparse").read_bytes()
    assert (target / "sparse").stat().st_blocks * 512 < 20_000_000


def test_owners_are_kept_by_number(source: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root")
    os.chown(source / "file", 1234, 5678)

    copy_of(source).update()

    assert (source.parent / "target" / "file").stat().st_uid == 1234


def test_a_second_pass_copies_what_changed_and_nothing_else(source: Path) -> None:
    for name in ("old", "gone"):
        (source / name).write_bytes(b"x" * 100_000)
        os.utime(source / name, (1, 1))
    copy = copy_of(source)
    copy.update()
    (source / "gone").unlink()
    (source / "new").write_text("new")
    (source / "file").write_text("changed")

    copy.update()

    assert listing(copy.target).keys() == listing(source).keys()
    assert (copy.target / "file").read_text() == "changed"
    assert copy.copied < 1000


def test_a_file_that_was_written_a_moment_ago_is_copied_again_although_its_time_is_the_same(source: Path) -> None:
    copy = copy_of(source)
    copy.update()
    at = (source / "file").stat()
    with (source / "file").open("r+") as stream:  # as through a mapping: no new mtime
        stream.write("CONTENT")
    os.utime(source / "file", ns=(at.st_atime_ns, at.st_mtime_ns))

    copy.update()

    assert (copy.target / "file").read_text() == "CONTENT"


def test_links_out_of_the_volume_are_copied_as_links_and_never_followed(source: Path) -> None:
    secret = source.parent / "secret"
    secret.mkdir()
    (secret / "shadow").write_text("root's")
    (source / "way-out").symlink_to(secret)
    copy = copy_of(source)
    copy.update()
    # a directory that becomes a link between two passes
    (source / "folder" / "script").unlink()
    (source / "folder").rmdir()
    (source / "folder").symlink_to(secret)

    copy.update()

    assert (copy.target / "way-out").is_symlink()
    assert (copy.target / "folder").is_symlink()
    assert not [path for path in copy.target.iterdir() if path.is_dir() and not path.is_symlink()]


def test_a_file_replaces_a_directory_and_a_directory_a_file(source: Path) -> None:
    copy = copy_of(source)
    copy.update()
    (source / "folder" / "script").unlink()
    (source / "folder").rmdir()
    (source / "folder").write_text("a file now")
    (source / "file").unlink()
    (source / "file").mkdir()

    copy.update()

    assert (copy.target / "folder").read_text() == "a file now"
    assert (copy.target / "file").is_dir()


def test_sockets_are_left_out(source: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(source / "s"))

        copy_of(source).update()

    assert not (source.parent / "target" / "s").exists()


def test_a_pass_ends_at_its_deadline(source: Path) -> None:
    copy = copy_of(source)
    copy.deadline = 0.0

    with pytest.raises(TimeoutError):
        copy.update()
