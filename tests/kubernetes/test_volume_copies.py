"""Copies of volumes on a real cluster: out of a claim, into a claim, refused, and interrupted."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from pvdify.adapters.clock.clock import SystemClock
from pvdify.adapters.kubernetes.names import HELPER, INCOMPLETE
from pvdify.adapters.subprocess.command_runner import SubprocessRunner
from pvdify.daemon.cluster_runtime import build_cluster_copies
from pvdify.errors import BackupFailed, StartFailed, VolumeExists
from pvdify.model.volume import Mount
from pvdify.plumbing.command_runner import Argv, Piped
from pvdify.ports.backups import VolumeCopies
from pvdify.ports.clock import Clock
from pvdify.ports.volumes import Volumes
from pvdify.timing import first_of
from tests.contract.test_volumes import READS, STAYS, WRITES, exit_code, spec
from tests.support.cluster_runtime import ClusterServer, cluster_server
from tests.support.podman import Supervisor

pytestmark = pytest.mark.kubernetes
DATA, OTHER = Mount(path="/data", volume="shop-data-1"), Mount(path="/data", volume="shop-data-2")


@dataclass
class CopiesWorld:
    supervisor: Supervisor
    volumes: Volumes
    copies: VolumeCopies
    clock: Clock
    image_id: str


@pytest.fixture
async def server(cluster, tmp_path):
    image = cluster.push_image(content="helper")
    with cluster_server(cluster, tmp_path, kubernetes_helper_image=image) as made:
        yield made
        await made.close()


@pytest.fixture
def world(server: ClusterServer) -> CopiesWorld:
    runtime = server.runtime()
    copies = build_cluster_copies(server.inputs, server.parts[-1])
    return CopiesWorld(runtime, runtime.volumes, copies, SystemClock(), server.push(content="hello"))


class StopsInTheMiddle(SubprocessRunner):
    """The tar of this machine waits after its first piece."""

    def __init__(self) -> None:
        self.is_in_the_middle = asyncio.Event()

    @asynccontextmanager
    async def pipe(self, argv: Argv, **options: object) -> AsyncIterator[Piped]:
        async with super().pipe(argv) as piped:
            if argv[0] == "tar":
                whole = piped.output
                piped.output = lambda: self._in_two_parts(whole())  # type: ignore[method-assign]
            yield piped

    async def _in_two_parts(self, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for piece in pieces:
            yield piece
            self.is_in_the_middle.set()
            await asyncio.Event().wait()


def helpers(server: ClusterServer) -> list[str]:
    namespace = f"--namespace={server.prefix}shop"
    return server.cluster.kubectl("get", "pods", namespace, f"--selector={HELPER}", "--output=name").split()


@asynccontextmanager
async def lock() -> AsyncIterator[None]:
    yield


async def test_a_volume_goes_out_and_into_another_volume(world: CopiesWorld, tmp_path: Path):
    assert await exit_code(world, spec(world, WRITES, 1, DATA)) == 0
    await world.supervisor.instances.stop("pvdify-shop-worker-v1-1", 1.0)
    await world.supervisor.instances.remove("pvdify-shop-worker-v1-1")

    await world.copies.copy_out("shop-data-1", tmp_path / "out", while_frozen=lock())
    await world.copies.copy_in("shop", "shop-data-2", tmp_path / "out")

    assert (tmp_path / "out" / "file").read_text() == "kept\n"
    assert await exit_code(world, spec(world, READS, 2, OTHER)) == 0
    assert await world.volumes.find() == {"shop-data-1": "shop", "shop-data-2": "shop"}


async def test_a_used_volume_is_copied_without_a_pause(world: CopiesWorld, tmp_path: Path):
    assert await exit_code(world, spec(world, WRITES, 1, DATA)) == 0
    await world.supervisor.instances.start(spec(world, STAYS, 2, DATA))

    assert await world.copies.copy_out("shop-data-1", tmp_path / "out", while_frozen=None) == 0.0

    assert (tmp_path / "out" / "file").read_text() == "kept\n"


async def test_a_volume_with_content_is_not_written_over(world: CopiesWorld, tmp_path: Path):
    assert await exit_code(world, spec(world, WRITES, 1, DATA)) == 0
    (content := tmp_path / "content").mkdir()
    (content / "file").write_text("another")

    with pytest.raises(VolumeExists):
        await world.copies.copy_in("shop", "shop-data-1", content)

    assert await exit_code(world, spec(world, READS, 2, DATA)) == 0


async def test_a_missing_volume_is_an_error_by_name(world: CopiesWorld, tmp_path: Path):
    with pytest.raises(BackupFailed, match="shop-data-9 was not copied"):
        await world.copies.copy_out("shop-data-9", tmp_path / "out", while_frozen=None)


async def test_thawing_with_nothing_frozen_does_nothing(world: CopiesWorld):
    await world.copies.thaw()


async def test_a_used_volume_is_refused_where_the_app_has_no_commands_for_it(
    world: CopiesWorld, server: ClusterServer, tmp_path: Path
):
    await world.supervisor.instances.start(spec(world, STAYS, 1, DATA))

    with pytest.raises(BackupFailed) as refused:
        await world.copies.copy_out("shop-data-1", tmp_path / "out", while_frozen=lock())

    assert "nothing can be paused" in refused.value.why
    assert "backup: {before: CMD}" in refused.value.next
    assert helpers(server) == []


async def test_owners_modes_and_links_come_back(world: CopiesWorld, tmp_path: Path):
    (content := tmp_path / "content").mkdir(mode=0o750)
    (content / "file").write_bytes(os.urandom(3_000_000))
    (content / "file").chmod(0o4711)
    os.chown(content / "file", 1234, 4321)
    os.utime(content / "file", (1_000_000_000, 1_000_000_000))
    (content / "link").symlink_to("/nowhere")

    await world.copies.copy_in("shop", "shop-data-1", content)
    await world.copies.copy_out("shop-data-1", tmp_path / "back", while_frozen=None)

    before, after = ((it / "file").stat() for it in (content, tmp_path / "back"))
    assert (tmp_path / "back" / "file").read_bytes() == (content / "file").read_bytes()
    assert (after.st_mode, after.st_uid, after.st_gid, int(after.st_mtime)) == (
        before.st_mode, 1234, 4321, 1_000_000_000,
    )  # fmt: skip
    assert (tmp_path / "back" / "link").readlink() == Path("/nowhere")
    assert sorted(it.name for it in (tmp_path / "back").iterdir()) == ["file", "link"]


async def test_no_instance_starts_with_a_part_of_its_files_and_the_next_copy_begins_anew(
    world: CopiesWorld, server: ClusterServer, tmp_path: Path
):
    (content := tmp_path / "content").mkdir()
    (content / "file").write_text("kept\n")
    (content / "large").write_bytes(os.urandom(2_000_000))
    runner, namespace = StopsInTheMiddle(), f"--namespace={server.prefix}shop"
    copies = build_cluster_copies(replace(server.inputs, runner=runner), server.parts[-1])
    copying = asyncio.create_task(copies.copy_in("shop", "shop-data-1", content))
    await first_of(runner.is_in_the_middle.wait(), asyncio.shield(copying))
    copying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await copying

    claim = server.cluster.kubectl("get", "persistentvolumeclaims", namespace, "--output=json")
    assert INCOMPLETE in claim
    with pytest.raises(StartFailed) as refused:
        await world.supervisor.instances.start(spec(world, STAYS, 1, DATA))
    assert "only a part of its files" in refused.value.why
    await world.supervisor.instances.remove("pvdify-shop-worker-v1-1")

    await world.copies.copy_in("shop", "shop-data-1", content)

    assert await exit_code(world, spec(world, READS, 2, DATA)) == 0
    assert helpers(server) == []
