"""At its start pvdifyd finds out whether this machine can limit what a container writes into itself."""

import json
from pathlib import Path

import pytest

from pvdify.adapters.podman.layers.bounds import Layers
from pvdify.daemon import container_disk
from pvdify.daemon.container_disk import find_container_disk, has_project_quotas
from pvdify.model.layer_bound import LayerBound
from pvdify.plumbing.command_runner import Argv, Completed
from pvdify.settings import Settings, load


class Podman:
    """A podman whose storage is on ext4."""

    def __init__(self) -> None:
        self.ran: list[Argv] = []

    async def run(self, argv: Argv, **_: object) -> Completed:
        self.ran.append(argv)
        status = {"Backing Filesystem": "extfs"}
        store = {"graphDriverName": "overlay", "graphRoot": "/srv", "graphOptions": {}, "graphStatus": status}
        return Completed(argv=argv, exit_code=0, stdout=json.dumps({"store": store}), stderr="")


def settings(**flags: str) -> Settings:
    return load({"runtime": "podman", **flags}, {}, Path("/none.toml"))


XFS = "/dev/vdb1 /srv xfs rw,relatime,attr2,inode64,logbufs=8,logbsize=32k"
ROOT = "/dev/vda1 / ext4 rw,relatime,prjquota 0 0"


@pytest.fixture
def mounts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The kernel's list of mounts, with an XFS whose project quotas are kept."""
    mounts = tmp_path / "mounts"
    mounts.write_text(f"{ROOT}\n{XFS},prjquota 0 0\n")
    monkeypatch.setattr(container_disk, "MOUNTS", mounts)
    return mounts


@pytest.mark.parametrize("options", [",noquota", ",usrquota", ",pqnoenforce", ""])
async def test_podman_is_not_asked_on_a_machine_without_project_quotas(mounts: Path, options: str):
    mounts.write_text(f"{ROOT}\n{XFS}{options} 0 0\n")
    podman = Podman()

    found = await find_container_disk(settings(), podman)  # type: ignore[arg-type]

    assert found.bound is not None
    assert found.bound.size is None
    assert "XFS mounted with `pquota`" in found.bound.why
    assert podman.ran == []


def test_the_mounts_of_this_machine_can_be_read():
    assert has_project_quotas(container_disk.MOUNTS) in (True, False)


async def test_the_setting_0_is_named_as_the_cause(mounts: Path):
    mounts.write_text(f"{ROOT}\n")

    found = await find_container_disk(settings(max_container_disk="0"), Podman())  # type: ignore[arg-type]

    assert found == Layers(bound=LayerBound(why="the setting max_container_disk is 0"))


@pytest.mark.usefixtures("mounts")
async def test_a_storage_without_quotas_runs_containers_without_a_limit():
    podman = Podman()

    found = await find_container_disk(settings(), podman)  # type: ignore[arg-type]

    assert found == Layers(bound=LayerBound(why="podman can limit it only on XFS, and /srv is on extfs"))
    assert podman.ran == [("podman", "info", "--format", "json")]


async def test_nothing_is_asked_if_all_containers_are_in_a_cluster():
    podman = Podman()

    assert await find_container_disk(settings(runtime="kubernetes"), podman) == Layers()  # type: ignore[arg-type]
    assert podman.ran == []
