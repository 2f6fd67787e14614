"""Contract of the ``one_offs`` port."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from pvdify.adapters.podman.attached.one_offs import PodmanOneOffs
from pvdify.adapters.subprocess.attached import attach
from pvdify.model.instance import InstanceSpec, Limits, Role
from pvdify.model.one_off import Stream, TerminalSize
from pvdify.ports.attached import Attached, OneOffs
from tests.fakes.one_offs import FakeOneOffs
from tests.support.images import build_image, image_id


@dataclass
class World:
    one_offs: OneOffs
    image: Callable[[], str]

    async def start(self, terminal: TerminalSize | None = None) -> Attached:
        """A command that echoes what it reads until its input ends."""
        spec = InstanceSpec(
            name="pvdify-shop-run-v1-1", app="shop", process="run", slot=1, number=1, role=Role.RUN,
            image_id=self.image(), command="cat", limits=Limits(memory=64 * 1024**2),
        )  # fmt: skip
        return await self.one_offs.start(spec, terminal)


@pytest.fixture(params=["fake", pytest.param("podman", marks=pytest.mark.podman)])
def world(request: pytest.FixtureRequest) -> World:
    if request.param == "fake":
        return World(FakeOneOffs(), lambda: "image")
    server = request.getfixturevalue("real_podman")
    one_offs = PodmanOneOffs(calls=server.calls(), attach=attach, run_dir=server.run_dir)
    return World(one_offs, lambda: image_id(build_image(content="hello")))


async def read(process: Attached, size: int) -> bytes:
    said = b""
    while len(said) < size and (piece := await process.read()) is not None:
        assert piece.stream is Stream.STDOUT
        said += piece.data
    return said


async def test_input_is_passed_on_and_output_returned(world: World):
    process = await world.start()

    await process.write("ü\n".encode())
    said = await read(process, 3)
    await process.close_input()

    assert said == "ü\n".encode()
    assert await process.read() is None
    assert await process.wait() == 0
    await process.end()


@pytest.mark.parametrize("runs", [True, False], ids=["running", "starting"])
async def test_ending_a_one_off_ends_its_waiters_and_is_no_success(world: World, runs: bool):
    process = await world.start()
    if runs:
        await process.write(b"runs\n")
        assert await process.read() is not None
    waiting = asyncio.create_task(process.wait())

    await process.end()
    await process.end()

    assert await asyncio.wait_for(waiting, 60) != 0


async def test_a_terminal_may_change_its_size(world: World):
    process = await world.start(TerminalSize(rows=24, columns=80))

    process.resize(TerminalSize(rows=50, columns=132))
    await process.write(b"x\r\n")

    assert b"x" in await read(process, 1)
    await process.end()
