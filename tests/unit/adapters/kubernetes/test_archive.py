"""Streams of files, with the tar of this machine and with busybox at the other end."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from pvdify.adapters.kubernetes.archive import COMPLETE, HAS_CONTENT, IS_EMPTY, MOUNT, READ, WRITE, Ending, pack, unpack

SHELLS = [
    pytest.param(("/bin/sh",), id="gnu"),
    pytest.param(
        ("/bin/busybox", "sh"), id="busybox",
        marks=pytest.mark.skipif(not Path("/bin/busybox").exists(), reason="busybox-static is not installed"),
    ),
]  # fmt: skip
IS_ROOT = os.geteuid() == 0


def run(shell: tuple[str, ...], script: str, volume: Path, stdin: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
    """Run a script of a helper with the volume in this directory; with busybox, all its programs are busybox's."""
    text = script.replace(MOUNT, str(volume)).replace(" && sync", "")  # of this whole machine
    environment = {"PATH": os.environ["PATH"]}
    if shell[0] == "/bin/busybox":
        tools = volume.parent / "busybox"
        if not tools.exists():
            tools.mkdir()
            for name in ("tar", "rmdir", "printf"):
                (tools / name).symlink_to("/bin/busybox")
        environment["PATH"] = str(tools)
    return subprocess.run((*shell, "-c", text), input=stdin, capture_output=True, check=False, env=environment)


def fill(directory: Path) -> None:
    directory.mkdir(mode=0o750)
    (directory / "a file").write_text("content")
    (directory / ".hidden").write_bytes(b"\0" * 100_000)
    (directory / "sub").mkdir(mode=0o700)
    (directory / "sub" / "program").write_text("#!/bin/sh\n")
    (directory / "sub" / "program").chmod(0o4755)
    (directory / "link").symlink_to("/proc/nowhere")
    os.link(directory / "a file", directory / "sub" / "same")
    (directory / ("long" * 60)).write_text("a long name")
    os.utime(directory / "a file", (1_000_000_000, 1_000_000_000))
    if IS_ROOT:
        os.chown(directory / ".hidden", 1234, 4321)
        os.chown(directory / "link", 99, 98, follow_symlinks=False)


def seen(directory: Path) -> dict[str, object]:
    """What every tar keeps: busybox's sets neither owners nor times of links, nor times of directories."""
    found: dict[str, object] = {}
    for path in sorted(directory.rglob("*")):
        there, name = path.lstat(), str(path.relative_to(directory))
        if path.is_symlink():
            found[name] = os.readlink(path)
        elif path.is_dir():
            found[name] = (there.st_mode, there.st_uid, there.st_gid)
        else:
            about = (there.st_mode, there.st_uid, there.st_gid, there.st_nlink, int(there.st_mtime))
            found[name] = (*about, path.read_bytes())
    return found


def packed(directory: Path) -> bytes:
    return subprocess.run(pack(directory), check=True, capture_output=True).stdout


@pytest.mark.parametrize("shell", SHELLS)
def test_files_come_out_with_owners_modes_times_and_links(shell: tuple[str, ...], tmp_path: Path):
    fill(tmp_path / "volume")
    (tmp_path / "copy").mkdir()

    stream = run(shell, READ, tmp_path / "volume").stdout
    ending = Ending()
    archive = b"".join(ending.take(stream[at : at + 1000]) for at in range(0, len(stream), 1000))
    subprocess.run(unpack(tmp_path / "copy"), input=archive, check=True)

    assert ending.code == 0
    assert seen(tmp_path / "copy") == seen(tmp_path / "volume")


@pytest.mark.parametrize("shell", SHELLS)
def test_files_go_in_with_owners_modes_times_and_links(shell: tuple[str, ...], tmp_path: Path):
    fill(tmp_path / "content")
    (tmp_path / "volume").mkdir()

    done = run(shell, WRITE, tmp_path / "volume", packed(tmp_path / "content"))

    assert (done.returncode, done.stdout.strip()) == (0, COMPLETE), done.stderr
    assert seen(tmp_path / "volume") == seen(tmp_path / "content")


@pytest.mark.parametrize("shell", SHELLS)
def test_a_stream_that_was_cut_anywhere_is_not_taken_for_complete(shell: tuple[str, ...], tmp_path: Path):
    fill(tmp_path / "content")
    whole = packed(tmp_path / "content")
    last = whole.index(b".pvdify-complete")

    for number, size in enumerate((0, 512, 700, last - 512, last, len(whole) // 2)):
        (volume := tmp_path / f"volume-{number}").mkdir()
        done = run(shell, WRITE, volume, whole[:size])
        assert done.returncode != 0, size
        assert COMPLETE not in done.stdout


def test_a_read_stream_without_its_ending_has_no_code(tmp_path: Path):
    fill(tmp_path / "volume")
    stream = run(("/bin/sh",), READ, tmp_path / "volume").stdout

    for size in (0, 10, len(stream) // 2, len(stream) - 1):
        ending = Ending()
        ending.take(stream[:size])
        assert ending.code is None, size


def test_the_exit_code_of_tar_is_in_the_ending(tmp_path: Path):
    ending = Ending()
    ending.take(run(("/bin/sh",), READ, tmp_path / "none").stdout)

    assert ending.code == 2


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("name", ["file", ".hidden", "..strange"])
def test_content_is_noticed(shell: tuple[str, ...], tmp_path: Path, name: str):
    (volume := tmp_path / "volume").mkdir()
    (volume / "lost+found").mkdir()
    assert run(shell, IS_EMPTY, volume).returncode == 0

    (volume / name).symlink_to("nowhere")

    assert run(shell, IS_EMPTY, volume).returncode == HAS_CONTENT


def test_a_file_that_changes_while_gnu_tar_reads_it_is_no_failure(tmp_path: Path):
    if shutil.which("tar") is None:
        pytest.skip("tar is not installed")
    (volume := tmp_path / "volume").mkdir()
    (tools := tmp_path / "tools").mkdir()
    (tools / "tar").write_text('#!/bin/sh\ncase "$1" in --version) echo "tar (GNU tar) 1.34";; *) exit 1;; esac\n')
    (tools / "tar").chmod(0o755)
    environment = {"PATH": f"{tools}:{os.environ['PATH']}"}
    script = READ.replace(MOUNT, str(volume))

    done = subprocess.run(("/bin/sh", "-c", script), check=False, capture_output=True, env=environment)

    assert (done.returncode, done.stdout[-4:]) == (0, b"000\n")
