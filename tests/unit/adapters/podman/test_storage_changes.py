"""Directories of containers that appear and disappear: which changes are reported, and when."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pvdify.adapters.podman.calls import Calls
from pvdify.adapters.podman.instances import storage_changes
from pvdify.adapters.podman.instances.inotify import DirectoryNotices, parse
from pvdify.adapters.podman.instances.storage_changes import AGAIN_AFTER, RETRY_PAUSE, StorageChanges
from pvdify.plumbing.command_runner import Argv, Completed
from tests.fakes.clock import FakeClock
from tests.support.waiting import PATIENCE

OURS, THEIRS = "a" * 64, "b" * 64


class Podman:
    """Answers where its containers are, unless ``is_broken``."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.is_broken = False

    async def run(
        self, argv: Argv, *, stdin: bytes = b"", directory: Path | None = None, timeout: float = 60.0
    ) -> Completed:
        answer = "" if self.is_broken else f"{self.root}\toverlay\n"
        return Completed(argv=argv, exit_code=1 if self.is_broken else 0, stdout=answer, stderr="it is broken")


class World:
    def __init__(self, directory: Path) -> None:
        self.clock = FakeClock()
        self.podman = Podman(directory / "storage")
        self.run_dir = directory / "run"
        self.containers = directory / "storage" / "overlay-containers"
        self.containers.mkdir(parents=True)
        calls = Calls(runner=self.podman, server_id="abc", launcher_dir=directory, binary="podman")  # type: ignore[arg-type]
        self.changes = StorageChanges(calls=calls, run_dir=self.run_dir, clock=self.clock)

    def own(self, container: str) -> None:
        """Add a container of this server with this id."""
        (self.run_dir / "instances" / "shop").mkdir(parents=True, exist_ok=True)
        (self.run_dir / "instances" / "shop" / "cid").write_text(container)

    async def is_reported(self) -> bool:
        """Whether something is reported. The time limit is so long that a busy machine never reaches it."""
        return await self._is_reported(within=PATIENCE)

    async def is_quiet(self) -> bool:
        """Whether nothing is reported within a moment of real time."""
        return not await self._is_reported(within=0.1)

    async def _is_reported(self, *, within: float) -> bool:
        waiting = asyncio.create_task(self.changes.wait())
        done, _ = await asyncio.wait({waiting}, timeout=within)
        waiting.cancel()
        return bool(done)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World(tmp_path)
    yield world
    world.changes.close()


async def begun(world: World) -> None:
    await world.changes.wait()
    assert world.changes.is_reporting


async def test_the_beginning_is_reported_because_nothing_before_it_was(world: World):
    assert not world.changes.is_reporting

    assert await world.is_reported()

    assert world.changes.is_reporting
    assert await world.is_quiet()


async def test_a_container_of_another_program_is_reported_and_once_more_for_a_slow_podman(world: World):
    await begun(world)
    began = world.clock.monotonic()
    (world.containers / THEIRS).mkdir()

    assert await world.is_reported()
    world.changes._again_at = world.clock.monotonic()
    assert await world.is_reported()

    assert AGAIN_AFTER > storage_changes.SETTLES_IN
    assert world.clock.monotonic() - began >= storage_changes.SETTLES_IN
    assert await world.is_quiet()


async def test_a_container_of_this_server_is_not_reported(world: World):
    await begun(world)
    (world.containers / OURS).mkdir()
    world.own(OURS)

    assert await world.is_quiet()


async def test_a_container_of_this_server_that_another_program_removed_is_reported(world: World):
    (world.containers / OURS).mkdir()
    world.own(OURS)
    await begun(world)

    (world.containers / OURS).rmdir()

    assert await world.is_reported()


async def test_a_removed_container_of_another_program_is_not_reported(world: World):
    (world.containers / THEIRS).mkdir()
    await begun(world)

    (world.containers / THEIRS).rmdir()

    assert await world.is_quiet()


async def test_files_that_podman_writes_there_are_not_reported(world: World):
    await begun(world)

    (world.containers / ".tmp-containers.json").write_text("[]")
    (world.containers / ".tmp-containers.json").rename(world.containers / "containers.json")

    assert await world.is_quiet()


async def test_a_removed_directory_is_reported_and_its_successor_is_watched(world: World):
    await begun(world)
    shutil.rmtree(world.containers)

    assert await world.is_reported()
    assert not world.changes.is_reporting
    world.containers.mkdir()
    await begun(world)
    (world.containers / THEIRS).mkdir()

    assert await world.is_reported()


async def test_while_podman_does_not_answer_nothing_is_reported_and_the_query_is_retried(world: World):
    world.podman.is_broken = True
    waiting = asyncio.create_task(world.changes.wait())
    await world.clock.sleep(3 * RETRY_PAUSE)
    assert not waiting.done()
    assert not world.changes.is_reporting

    world.podman.is_broken = False
    await waiting

    assert world.changes.is_reporting


async def test_a_directory_that_is_missing_cannot_be_watched(tmp_path: Path):
    with pytest.raises(FileNotFoundError):
        DirectoryNotices(tmp_path / "none")


def test_a_lost_notification_is_distinguished_from_others():
    overflown = bytes.fromhex("ffffffff004000000000000000000000")

    (notice,) = parse(overflown)

    assert notice.is_lost
