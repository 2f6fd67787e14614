"""How much a container can write into itself, on a real podman whose storage is on a file system of its own."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from pvdify.adapters.podman.layers import bounds
from pvdify.adapters.podman.layers.bounds import Layers, find_layers
from pvdify.adapters.subprocess.command_runner import SubprocessRunner
from pvdify.model.instance import InstanceSpec, Limits, Role
from pvdify.model.layer_bound import LayerBound
from pvdify.plumbing.command_runner import Argv, Completed
from pvdify.settings import load
from tests.support.images import build_image, image_id, missing_for_podman
from tests.support.own_podman import own_podman
from tests.support.podman import podman, podman_server
from tests.support.waiting import until

pytestmark = [pytest.mark.podman, pytest.mark.skipif(bool(missing_for_podman()), reason=str(missing_for_podman()))]
MIB = 1024**2
PATIENCE = 300.0  # of a busy machine
LIMIT = 64 * MIB  # the least that the setting accepts
FILLS = f"head -c {2 * LIMIT} /dev/zero > /large; exec sleep 1000"
WRITES_LESS = f"head -c {LIMIT // 2} /dev/zero > /less"
WRITES_MORE = f"head -c {2 * LIMIT} /dev/zero > /more"


@contextmanager
def storage_on(file_system: str, *options: str) -> Iterator[Path]:
    """A podman whose storage is on a new file system of this kind; skip the test if it cannot be made here."""

    def prepare(graph: Path) -> None:
        disk = graph.parent / "disk.img"
        with disk.open("wb") as file:
            file.truncate(1024 * MIB)  # sparse
        mount = ("mount", "-o", ",".join(("loop", *options)), str(disk), str(graph))
        for argv in ((f"mkfs.{file_system}", "-q", str(disk)), mount):
            try:
                done = subprocess.run(argv, check=False, capture_output=True, text=True)
            except FileNotFoundError:
                pytest.skip(f"{argv[0]} is not installed")
            if done.returncode != 0:
                pytest.skip(f"{' '.join(argv)} failed: {done.stderr.strip()}")

    with own_podman(prepare) as folder:
        yield folder


class PatientRunner(SubprocessRunner):
    async def run(self, argv: Argv, **options: Any) -> Completed:
        return await super().run(argv, **{**options, "timeout": PATIENCE})


async def find() -> Layers:
    flags = {"runtime": "podman", "user_namespaces": "off", "max_container_disk": str(LIMIT)}
    return await find_layers(PatientRunner(), load(flags, {}, Path("/none.toml")))


@pytest.fixture
def other_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another disk of the machine is an XFS with project quotas, so that podman is asked."""
    mounts = tmp_path / "mounts"
    mounts.write_text("/dev/vdz1 /srv xfs rw,relatime,prjquota 0 0\n")
    monkeypatch.setattr(bounds, "MOUNTS", mounts)


@pytest.mark.usefixtures("other_disk")
@pytest.mark.parametrize(
    ("file_system", "why"),
    [
        ("ext4", "podman can limit it only on XFS"),
        ("btrfs", "podman can limit it only on XFS"),
        ("xfs", "a container with a limit did not work: "),  # mounted without quotas
    ],
)
async def test_a_storage_without_quotas_has_no_limit_and_containers_start_without_the_option(file_system, why):
    with storage_on(file_system):
        found = await find()
        images = podman("images", "--quiet")

    assert found.options == ()
    assert found.bound is not None
    assert found.bound.size is None
    assert found.bound.why.startswith(why)
    assert images == ""


@pytest.mark.usefixtures("other_disk")
async def test_a_storage_that_accepts_a_limit_and_does_not_keep_it_counts_as_one_that_cannot(monkeypatch):
    monkeypatch.setattr(bounds, "known_obstacle", lambda _storage: "")
    monkeypatch.setattr(bounds, "options_for", lambda _storage, _size: ())
    with storage_on("ext4"):
        found = await find()

    assert found == Layers(bound=LayerBound(why="podman accepted a size, but a container that was tried wrote more"))


async def test_a_container_writes_up_to_its_limit_and_harms_no_other(tmp_path: Path):
    with storage_on("xfs", "prjquota"):
        found = await find()
        assert found.bound is not None
        assert (found.bound.size, found.bound.why) == (LIMIT, "")
        assert podman("images", "--quiet") == ""

        with podman_server(tmp_path) as server:
            image = image_id(build_image(content="hello"))
            instances = server.supervisor_on(server.calls(storage=found.options)).instances

            async def run(number: int, command: str) -> int | None:
                spec = make_spec(image, number, command, Role.HOOK)
                await instances.start(spec)
                ended = await instances.wait(spec.name)
                await instances.remove(spec.name)
                return ended.code

            full = make_spec(image, 1, FILLS)
            await instances.start(full)
            assert (await run(2, WRITES_MORE), await run(3, WRITES_LESS)) == (1, 0)
            await until(lambda: written_by(full) > LIMIT * 0.9)
            assert written_by(full) <= LIMIT
            assert await run(4, WRITES_LESS) == 0
            await instances.remove(full.name)


def written_by(spec: InstanceSpec) -> int:
    return int(podman("exec", spec.name, "/bin/sh", "-c", "cat /large | busybox wc -c"))


def make_spec(image: str, number: int, command: str, role: Role = Role.INSTANCE) -> InstanceSpec:
    return InstanceSpec(
        name=f"pvdify-shop-web-v1-{number}", app="shop", process="web", slot=1, number=number, role=role,
        image_id=image, command=command, limits=Limits(memory=64 * MIB),
    )  # fmt: skip
