"""Contract of the ``container_changes`` port: the fake, and podman."""

import asyncio
import subprocess
from collections.abc import Iterator
from typing import Protocol

import pytest

from pvdify.adapters.clock.clock import SystemClock
from pvdify.adapters.podman.instances.storage_changes import SETTLES_IN, StorageChanges
from pvdify.ports.container_changes import ContainerChanges
from tests.contract.supervisor_worlds import FakeWorld, PodmanWorld, fake_world, make_spec
from tests.support.images import build_image, image_id
from tests.support.podman import PodmanServer
from tests.support.waiting import PATIENCE
from tools.free_port import free_port

QUIET = SETTLES_IN + 1.0  # seconds in which a report would have come


class World(Protocol):
    changes: ContainerChanges
    quiet: float

    async def start_own(self) -> str:
        """Start a container of this server; return its name."""
        ...

    async def make_foreign(self) -> None:
        """Make a container as another program."""
        ...

    async def lose(self, name: str) -> None:
        """Remove the container with this name as another program."""
        ...


class Fake:
    quiet = 0.1

    def __init__(self) -> None:
        self.world: FakeWorld = fake_world()
        self.changes = self.world.supervisor.container_changes

    async def start_own(self) -> str:
        spec = make_spec(self.world)
        await self.world.supervisor.start(spec)
        return spec.name

    async def make_foreign(self) -> None:
        self.world.supervisor.intrude(make_spec(self.world, number=2))

    async def lose(self, name: str) -> None:
        self.world.supervisor.lose(name)


class Podman:
    quiet = QUIET

    def __init__(self, server: PodmanServer) -> None:
        self.image, self.foreign = image_id(build_image(content="hello")), f"{server.server_id}-foreign"
        self.world = PodmanWorld(
            successor=server.supervisor, image_id=self.image, first_port=free_port(), clock=SystemClock(),
            supervisor=server.supervisor(),
        )  # fmt: skip
        self.changes = StorageChanges(calls=server.calls(), run_dir=server.run_dir, clock=SystemClock())

    async def start_own(self) -> str:
        spec = make_spec(self.world)
        await self.world.supervisor.instances.start(spec)
        return spec.name

    async def make_foreign(self) -> None:
        await self._podman("create", "--name", self.foreign, self.image, "true")

    async def lose(self, name: str) -> None:
        await self._podman("rm", "--force", "--time", "0", name)

    async def _podman(self, *words: str) -> None:
        await asyncio.to_thread(subprocess.run, ["podman", *words], check=True, capture_output=True)

    def close(self) -> None:
        self.changes.close()
        subprocess.run(["podman", "rm", "--force", "--ignore", self.foreign], check=True, capture_output=True)


@pytest.fixture(params=["fake", pytest.param("podman", marks=pytest.mark.podman)])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    if request.param == "fake":
        yield Fake()
        return
    real = Podman(request.getfixturevalue("real_podman"))
    yield real
    real.close()


async def is_reported(world: World, within: float) -> bool:
    waiting = asyncio.create_task(world.changes.wait())
    done, _ = await asyncio.wait({waiting}, timeout=within)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    return bool(done)


async def test_the_beginning_is_reported_once(world: World):
    assert not world.changes.is_reporting

    assert await is_reported(world, PATIENCE)

    assert world.changes.is_reporting
    assert not await is_reported(world, world.quiet)


async def test_a_container_of_another_program_is_reported(world: World):
    await world.changes.wait()

    await world.make_foreign()

    assert await is_reported(world, PATIENCE)


async def test_a_container_of_this_server_is_reported_only_when_another_program_removes_it(world: World):
    await world.changes.wait()

    name = await world.start_own()
    assert not await is_reported(world, world.quiet)
    await world.lose(name)

    assert await is_reported(world, PATIENCE)
