"""Whether a host can give containers user namespaces whose volumes keep their owners."""

import errno
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Never

import pytest

from pvdify.adapters.podman.users import support
from pvdify.adapters.podman.users.support import Host, find_obstacle, judge_trial, known_obstacle, read_host
from pvdify.plumbing.command_runner import Argv, Completed

FIRST = 2013265920
CRUN = "crun version 1.8.1\ncommit: f8a096be\nrundir: /run/crun"
GOOD = Host(
    kernel="6.1.0-28-amd64", cgroups="v2", runtime="crun", runtime_version=(1, 8, 1), storage="overlay",
    mount_program="", volumes=Path("/var/lib/containers/storage/volumes"),
)  # fmt: skip


def info(version: str = CRUN, runtime: str = "crun", **store: object) -> str:
    usual = {"graphDriverName": "overlay", "graphRoot": "/var/lib/containers/storage", "graphOptions": {}}
    host = {"cgroupVersion": "v2", "ociRuntime": {"name": runtime, "version": version}}
    return json.dumps({"host": host, "store": {**usual, **store}})


def done(exit_code: int = 0, stdout: str = "", stderr: str = "") -> Completed:
    return Completed(argv=("podman",), exit_code=exit_code, stdout=stdout, stderr=stderr)


def test_what_podman_says_about_a_host_is_read():
    assert read_host(info(), "6.1.0-28-amd64") == GOOD
    assert read_host(info(graphOptions={"overlay.mount_program": {"Executable": "/usr/bin/fuse-overlayfs"}}), "6") == (
        replace(GOOD, kernel="6", mount_program="/usr/bin/fuse-overlayfs")
    )
    older = read_host(info("runc version 1.1.5+ds1\nspec: 1.0.2-dev", "runc", volumePath="/srv/volumes"), "6")
    assert older == replace(
        GOOD, kernel="6", runtime="runc", runtime_version=(1, 1, 5), volumes=Path("/srv/volumes")
    )  # fmt: skip


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"host": {}}', '{"host": {"ociRuntime": null}, "store": {}}'])
def test_other_text_describes_no_host(text):
    assert read_host(text, "6.1") is None


@pytest.mark.parametrize(
    "changed",
    [{}, {"kernel": "5.19.0"}, {"kernel": "7.0"}, {"runtime_version": (1, 21)},
     {"runtime": "runc", "runtime_version": (1, 2, 0)}],
)  # fmt: skip
def test_a_new_enough_host_has_no_known_obstacle(changed):
    assert known_obstacle(replace(GOOD, **changed)) is None


@pytest.mark.parametrize(
    ("changed", "why", "step"),
    [
        ({"kernel": "5.18.19"}, "Linux 5.18.19 is older than 5.19", "boot a newer kernel"),
        ({"kernel": "4.18.0-553.el8"}, "older than 5.19", "boot a newer kernel"),
        ({"cgroups": "v1"}, "cgroups v1", "systemd.unified_cgroup_hierarchy=1"),
        ({"runtime": "runc", "runtime_version": (1, 1, 5)}, "runc 1.1.5, which does not map", "install crun 1.8"),
        ({"runtime_version": (1, 7)}, "crun 1.7", "install crun 1.8"),
        ({"runtime_version": ()}, "crun of an unknown version", "install crun 1.8"),
        ({"runtime": "kata", "runtime_version": (3,)}, "kata 3", "install crun 1.8"),
        ({"storage": "vfs"}, "the storage driver vfs", "use the kernel's overlay"),
        ({"mount_program": "/usr/bin/fuse-overlayfs"}, "fuse-overlayfs", "without mount_program"),
    ],
)
def test_what_is_known_to_fail_has_a_cause_and_a_next_step(changed, why, step):
    found = known_obstacle(replace(GOOD, **changed))

    assert found is not None
    assert why in found.why
    assert step in found.next
    assert found.next.endswith('or set user_namespaces = "off"')


def test_a_trial_has_a_user_namespace_and_mounts_the_directory_as_a_volume():
    argv = support.trial("podman", Path("/t/rootfs"), Path("/t/probe"), ("usr",), FIRST)

    assert argv == (
        *("podman", "run", "--rm", "--network", "none", "--log-driver", "none"),
        *("--uidmap", "0:2013265920:65536", "--gidmap", "0:2013265920:65536"),
        *("--security-opt", "no-new-privileges", "--security-opt", "label=disable", "--cap-drop=all"),
        *("--volume=/usr:/usr:ro", "--volume=/t/probe:/probe:idmap"),
        *("--rootfs", "/t/rootfs", "/bin/sh", "-c", support.LOOK),
    )


def test_a_trial_that_mapped_all_owners_is_no_obstacle():
    assert judge_trial(done(stdout=f"users={FIRST} owner=0\n"), FIRST, 0, Path("/v")) is None


IGNORED = "Error: /bin/sh: 1: cannot create /probe/made: Permission denied"
REFUSED = "Error: crun: mount_setattr `/probe`: Invalid argument: OCI runtime error"


@pytest.mark.parametrize(
    ("ended", "owner_outside", "why", "step"),
    [
        (done(stdout="users=0 owner=0\n"), 0, "were not mapped", "install crun"),  # no user namespace
        (done(stdout=f"users={FIRST} owner=65534\n"), 0, "were not mapped", "install crun"),
        (done(stdout=f"users={FIRST} owner=0\n"), FIRST, "were not mapped", "install crun"),
        (done(stdout=f"users={FIRST} owner=0\n"), None, "were not mapped", "install crun"),
        (done(1, stderr=IGNORED), None, "were not mapped", "install crun"),  # as with runc 1.1
        (done(126, stderr=REFUSED), None, "the file system of /v does not map", "ext4"),  # as on tmpfs
        (done(125, stderr="Error: no space left on device"), None, "did not start: no space", "correct what"),
    ],
)
def test_a_trial_that_mapped_less_is_an_obstacle(ended, owner_outside, why, step):
    found = judge_trial(ended, FIRST, owner_outside, Path("/v"))

    assert found is not None
    assert why in found.why
    assert step in found.next


class Podman:
    """A podman that describes a host, and runs the trial as one whose OCI runtime maps owners, or not."""

    def __init__(self, storage: Path, *, maps: bool) -> None:
        self._storage, self._maps = storage, maps
        self.tried: list[Argv] = []

    async def run(self, argv: Argv, seconds: float) -> Completed:
        if argv[1] == "info":
            return done(stdout=info(graphRoot=str(self._storage)))
        self.tried.append(argv)
        (mount,) = [word for word in argv if word.endswith(":/probe:idmap")]
        probe = Path(mount.removeprefix("--volume=").removesuffix(":/probe:idmap"))
        assert (probe / support.SEEN).exists()
        if self._maps:
            (probe / support.MADE).touch()
        return done(stdout=f"users={FIRST} owner={0 if self._maps else 65534}")


@pytest.mark.skipif(Path("/proc/self").owner() != "root", reason="only root gives files to other users")
@pytest.mark.parametrize("maps", [True, False])
async def test_a_container_is_tried_on_the_file_system_of_the_volumes_and_leaves_nothing(tmp_path, maps):
    podman = Podman(tmp_path, maps=maps)

    found = await find_obstacle(podman.run, "podman", "6.1", FIRST)

    assert (found is None) == maps
    assert len(podman.tried) == 1
    assert list(tmp_path.iterdir()) == []


async def test_a_podman_that_fails_is_an_obstacle():
    async def run(argv: Argv, seconds: float) -> Completed:
        return done(125, stderr="Error: no space left on device")

    found = await find_obstacle(run, "podman", "6.1", FIRST)

    assert found is not None
    assert "`podman info` failed" in found.why


async def test_a_disk_that_refuses_the_files_of_a_trial_is_an_obstacle(tmp_path):
    podman = Podman(tmp_path / "no-such-disk" / "storage", maps=True)

    found = await find_obstacle(podman.run, "podman", "6.1", FIRST)

    assert found is not None
    assert "could not be written" in found.why
    assert "check the disk" in found.next
    assert podman.tried == []


async def test_a_full_disk_is_an_obstacle(tmp_path, monkeypatch):
    podman = Podman(tmp_path, maps=True)

    def fail(*_: object) -> Never:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "symlink_to", fail)  # the root file system has the machine's links, such as /bin
    found = await find_obstacle(podman.run, "podman", "6.1", FIRST)

    assert found is not None
    assert "No space left on device" in found.why
    assert podman.tried == []
    assert list(tmp_path.rglob(".pvdify-trial-*")) == []
