"""The directories of podman's volumes, into which files come from elsewhere."""

from pathlib import Path

import pytest

from pvdify.adapters.podman.volumes.volume_copies import PodmanVolumeCopies
from pvdify.errors import BackupFailed, VolumeExists
from pvdify.plumbing.command_runner import Argv, Completed


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


def copies(podman: Podman) -> PodmanVolumeCopies:
    return PodmanVolumeCopies(run=podman.run, server_id="s", binary="podman", mark=podman.directory.parent / "paused")


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
