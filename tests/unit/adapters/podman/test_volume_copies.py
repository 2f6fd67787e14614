"""The directories of podman's volumes, into which files come from elsewhere."""

import asyncio
from contextlib import nullcontext
from pathlib import Path

import pytest

from pvdify.adapters.podman.volumes.volume_copies import PodmanVolumeCopies
from pvdify.errors import BackupFailed, RuntimeHangs, VolumeExists
from pvdify.plumbing.command_runner import Argv, Completed
from pvdify.timing import BackOff


class Podman:
    """Has one volume, in this directory, as soon as it was made."""

    def __init__(self, directory: Path) -> None:
        self.directory, self.is_made, self.asked = directory, False, list[Argv]()
        self.failing = ""  # a program that fails

    async def run(self, argv: Argv) -> Completed:
        self.asked.append(argv)
        self.is_made |= "create" in argv
        is_failed = argv[0] == self.failing or ("exists" in argv and not self.is_made)
        said = f"{self.directory}\n" if "inspect" in argv else ""
        return Completed(
            argv=argv, exit_code=int(is_failed), stdout=said, stderr="Input/output error\n" if is_failed else ""
        )


@pytest.fixture
def podman(tmp_path: Path) -> Podman:
    (tmp_path / "volume").mkdir()
    return Podman(tmp_path / "volume")


class PausingPodman(Podman):
    """Has containers that mount the volume. It does not answer so often when asked to unpause, or which are paused."""

    def __init__(self, directory: Path, *, hangs: int, blind: int = 0) -> None:
        super().__init__(directory)
        self.paused, self.hangs, self.blind = set[str](), hangs, blind
        self.most_paused = 0

    async def run(self, argv: Argv) -> Completed:
        await asyncio.sleep(0)
        said, exit_code = "", 0
        if argv[1] == "pause":
            self.paused |= set(argv[2:])
            self.most_paused = max(self.most_paused, len(self.paused))
        elif argv[1] == "unpause":
            if self.hangs:
                self.hangs -= 1
                raise RuntimeHangs("podman did not answer within 120 s")
            self.paused -= set(argv[2:])
        elif "--filter=status=paused" in argv:
            is_blind = bool(self.paused) and self.blind > 0
            self.blind -= is_blind
            said, exit_code = "\n".join(self.paused), int(is_blind)
        elif argv[1] == "ps":
            said = "one\ntwo" if argv[-1].endswith("shop-data-1") else "three"
        else:
            return await super().run(argv)
        return Completed(argv=argv, exit_code=exit_code, stdout="" if exit_code else said, stderr="")


def copies(podman: Podman) -> PodmanVolumeCopies:
    return PodmanVolumeCopies(run=podman.run, server_id="s", binary="podman", mark=podman.directory.parent / "paused",
                              back_off=BackOff(first=0.001, longest=0.01))  # fmt: skip


async def test_a_new_volume_is_made_once_and_its_directory_returned(podman: Podman):
    found = [await copies(podman).new_directory("shop", "shop-data-1") for _ in range(2)]

    assert found == [podman.directory] * 2
    assert sum("create" in argv for argv in podman.asked) == 1


async def test_a_volume_with_content_is_refused(podman: Podman):
    (podman.directory / "file").write_text("precious")

    with pytest.raises(VolumeExists):
        await copies(podman).new_directory("shop", "shop-data-1")


async def test_a_disk_that_does_not_take_the_files_is_named(podman: Podman):
    await copies(podman).flush("shop-data-1")
    podman.failing = "sync"

    with pytest.raises(BackupFailed) as failed:
        await copies(podman).flush("shop-data-1")

    assert podman.asked[-1] == ("sync", "--file-system", str(podman.directory))
    assert "Input/output error" in failed.value.why


@pytest.mark.parametrize(("hangs", "blind"), [(0, 0), (1, 0), (7, 0), (0, 2), (3, 1)])
async def test_paused_containers_are_unpaused_however_often_podman_fails(tmp_path: Path, hangs: int, blind: int):
    (tmp_path / "volume").mkdir()
    podman = PausingPodman(tmp_path / "volume", hangs=hangs)
    copier = copies(podman)

    copying = asyncio.create_task(copier.copy_out("shop-data-1", tmp_path / "copy", while_frozen=nullcontext()))
    while not podman.paused:
        await asyncio.sleep(0)
    podman.blind = blind
    await asyncio.wait_for(copying, 10)

    assert podman.paused == set()
    assert not (tmp_path / "paused").exists()


async def test_containers_that_a_killed_pvdifyd_left_paused_are_unpaused_however_often_podman_fails(tmp_path: Path):
    (tmp_path / "volume").mkdir()
    podman = PausingPodman(tmp_path / "volume", hangs=5)
    podman.paused = {"one", "two"}
    (tmp_path / "paused").write_text("one\ntwo")

    await asyncio.wait_for(copies(podman).thaw(), 10)

    assert podman.paused == set()
    assert not (tmp_path / "paused").exists()


async def test_only_the_containers_of_one_copy_are_paused_at_a_time(tmp_path: Path):
    (tmp_path / "volume").mkdir()
    podman = PausingPodman(tmp_path / "volume", hangs=0)
    copier = copies(podman)

    await asyncio.gather(
        *(copier.copy_out(it, tmp_path / it, while_frozen=nullcontext()) for it in ("shop-data-1", "blog-data-1"))
    )

    assert podman.most_paused == 2
    assert podman.paused == set()
