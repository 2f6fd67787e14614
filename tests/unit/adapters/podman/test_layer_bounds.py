"""Whether podman can limit what a container writes into itself, and with which options."""

import errno
import json
import os
import shutil
from pathlib import Path
from typing import NamedTuple, Never

import pytest

from pvdify.adapters.podman.layers import bounds
from pvdify.adapters.podman.layers.bounds import BEYOND, TRIAL_BOUND, WITHIN, find_layers, has_project_quotas
from pvdify.errors import RuntimeUnavailable
from pvdify.model.layer_bound import LayerBound
from pvdify.plumbing.command_runner import Argv, Completed
from pvdify.settings import Settings, load

GIB = 1024**3
KEPT = f"within={WITHIN}\nbeyond={TRIAL_BOUND - WITHIN - 4096}\n"
QUOTAS_ARE_OFF = "Error: Filesystem does not support, or has not enabled quotas"
NOT_MOUNTED = "podman can limit it only on XFS mounted with `pquota`, and no such file system is mounted"
ROOT = "/dev/vda1 / ext4 rw,relatime,prjquota 0 0"
XFS = "/dev/vdb1 /srv xfs rw,relatime,attr2,inode64,logbufs=8,logbsize=32k"  # as the kernel lists it


class Disk(NamedTuple):
    free: int


class Podman:
    """A podman whose storage is on XFS with quotas, and which runs no container. ``printed``: by the trial's.

    ``ran``: all commands except ``info``. ``asked``: how often it was asked about itself.
    """

    def __init__(self, root: Path, *, printed: str = KEPT, exit_code: int = 0, stderr: str = "", **store: object):
        usual = {"graphDriverName": "overlay", "graphRoot": str(root), "graphOptions": {}}
        self.info = json.dumps({"store": {**usual, "graphStatus": {"Backing Filesystem": "xfs"}, **store}})
        self.trial = Completed(argv=(), exit_code=exit_code, stdout=printed, stderr=stderr)
        self.ran: list[Argv] = []
        self.asked = 0

    async def run(self, argv: Argv, **_: object) -> Completed:
        if argv[1] == "info":
            self.asked += 1
            return Completed(argv=argv, exit_code=0, stdout=self.info, stderr="")
        self.ran.append(argv)
        if argv[1] == "import":
            assert Path(argv[3]).stat().st_size > 0
        return self.trial if "run" in argv else Completed(argv=argv, exit_code=0, stdout="", stderr="")

    async def find(self, **flags: str) -> bounds.Layers:
        return await find_layers(self, settings(**flags))  # type: ignore[arg-type]


def settings(**flags: str) -> Settings:
    return load({"runtime": "podman", **flags}, {}, Path("/none.toml"))


@pytest.fixture(autouse=True)
def disk_with_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Disk(free=GIB))


@pytest.fixture(autouse=True)
def mounts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The kernel's list of mounts, with an XFS whose project quotas are kept."""
    mounts = tmp_path / "mounts"
    mounts.write_text(f"{ROOT}\n{XFS},prjquota 0 0\n")
    monkeypatch.setattr(bounds, "MOUNTS", mounts)
    return mounts


async def test_a_limit_that_held_in_a_trial_is_for_new_containers(tmp_path):
    podman = Podman(tmp_path)

    found = await podman.find()

    assert found.bound == LayerBound(size=10 * GIB)
    assert found.options == ("--storage-opt", "overlay.size=10737418240")
    image = f"localhost/pvdify-trial:{os.getpid()}"
    made, tried, removed = podman.ran
    assert (made[:3], made[4:], removed) == (
        ("podman", "import", "--quiet"), (image,), ("podman", "rmi", "--force", image)
    )  # fmt: skip
    assert tried[:4] == ("podman", "--storage-opt", f"overlay.size={TRIAL_BOUND}", "run")
    assert tried[-4:] == (image, "/bin/sh", "-c", bounds.FILL)


async def test_the_options_of_storage_conf_are_repeated(tmp_path):
    podman = Podman(tmp_path, graphOptions={"overlay.mountopt": "nodev,metacopy=on"})

    found = await podman.find()

    assert found.options == (
        "--storage-opt", "overlay.mountopt=nodev,metacopy=on", "--storage-opt", "overlay.size=10737418240",
    )  # fmt: skip
    assert podman.ran[1][1:5] == (*found.options[:3], f"overlay.size={TRIAL_BOUND}")


async def test_the_trial_has_a_user_namespace_if_containers_have(tmp_path):
    podman = Podman(tmp_path)

    await podman.find(user_namespaces="on", user_ids="2013265920-2014314495")

    assert {"--uidmap", "0:2013265920:65536", "--gidmap"} < set(podman.ran[1])


async def test_the_trial_has_no_user_namespace_if_containers_have_none(tmp_path):
    podman = Podman(tmp_path)

    await podman.find(user_namespaces="off")

    assert "--uidmap" not in podman.ran[1]


@pytest.mark.parametrize("options", [",noquota", ",usrquota", ",pqnoenforce", ""])
async def test_podman_is_not_asked_if_no_file_system_has_project_quotas(tmp_path, mounts, options):
    mounts.write_text(f"{ROOT}\n{XFS}{options} 0 0\n")
    podman = Podman(tmp_path)

    found = await podman.find()

    assert found == bounds.Layers(bound=LayerBound(why=NOT_MOUNTED))
    assert (podman.asked, podman.ran) == (0, [])


async def test_podman_is_not_asked_if_all_containers_are_in_a_cluster(tmp_path):
    podman = Podman(tmp_path)

    assert await podman.find(runtime="kubernetes") == bounds.Layers()
    assert (podman.asked, podman.ran) == (0, [])


def test_the_mounts_of_this_machine_can_be_read():
    assert has_project_quotas(Path("/proc/self/mounts")) in (True, False)


@pytest.mark.parametrize(
    ("store", "why"),
    [
        ({"graphDriverName": "btrfs"}, "podman's storage driver is btrfs"),
        ({"graphStatus": {"Backing Filesystem": "extfs"}}, "only on XFS, and {root} is on extfs"),
        ({"graphStatus": {}}, "is on an unknown file system"),
        ({"graphStatus": None}, "is on an unknown file system"),
        ({"graphOptions": {"overlay.mount_program": {"Executable": "/usr/bin/fuse-overlayfs"}}}, "would replace"),
        ({"graphOptions": {"overlay.size": "5G"}}, "which holds (overlay.size=5G)"),
        ({"graphOptions": {"size": "5G"}}, "which holds (size=5G)"),
    ],
)
async def test_storage_that_is_known_not_to_keep_a_limit_is_not_tried(tmp_path, store, why):
    podman = Podman(tmp_path, **store)

    found = await podman.find()

    assert found.options == ()
    assert found.bound is not None
    assert found.bound.size is None
    assert why.format(root=tmp_path) in found.bound.why
    assert (podman.asked, podman.ran) == (1, [])


@pytest.mark.parametrize(
    ("trial", "why"),
    [
        ({"printed": f"within={WITHIN}\nbeyond={BEYOND}\n"}, "accepted a size, but"),
        ({"printed": f"within={WITHIN}\nbeyond={TRIAL_BOUND + 1}\n"}, "accepted a size, but"),
        ({"printed": "within=0\nbeyond=0\n", "stderr": "head: no"}, "did not work: head: no"),  # nothing can be written
        ({"printed": f"within={WITHIN}\n"}, "did not work"),
        ({"printed": "", "exit_code": 125, "stderr": QUOTAS_ARE_OFF}, "did not work: Filesystem does not support"),
    ],
)
async def test_a_trial_that_does_not_show_the_limit_leaves_containers_without(tmp_path, trial, why):
    podman = Podman(tmp_path, **trial)

    found = await podman.find()

    assert found.options == ()
    assert found.bound is not None
    assert why in found.bound.why
    assert podman.ran[-1][1:3] == ("rmi", "--force")


async def test_the_setting_0_is_named_as_the_cause_on_every_machine(tmp_path, mounts):
    podman = Podman(tmp_path)

    with_quotas = await podman.find(max_container_disk="0")
    mounts.write_text(f"{ROOT}\n")
    without = await podman.find(max_container_disk="0")

    assert with_quotas == without == bounds.Layers(bound=LayerBound(why="the setting max_container_disk is 0"))
    assert (podman.asked, podman.ran) == (0, [])


async def test_nothing_is_tried_on_a_disk_that_is_almost_full(tmp_path, monkeypatch):
    podman = Podman(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Disk(free=bounds.ROOM - 1))

    found = await podman.find()

    assert found.bound is not None
    assert "too little to try it" in found.bound.why
    assert podman.ran == []


async def test_a_disk_that_refuses_the_files_of_a_trial_leaves_containers_without_a_limit(tmp_path, monkeypatch):
    podman = Podman(tmp_path)

    def fail(*_: object, **__: object) -> Never:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "mkdir", fail)

    found = await podman.find()

    assert found.options == ()
    assert found.bound is not None
    assert "No space left on device" in found.bound.why


class HangingPodman:
    async def run(self, _argv: Argv, **_: object) -> Never:
        raise RuntimeUnavailable("podman did not end", why="it hangs")


async def test_a_podman_that_hangs_leaves_containers_without_a_limit():
    found = await find_layers(HangingPodman(), settings())  # type: ignore[arg-type]

    assert found == bounds.Layers(bound=LayerBound(why="it hangs"))


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"store": null}', '{"store": {"graphOptions": []}}'])
def test_other_text_describes_no_storage(text):
    assert bounds.read_storage(text) is None
