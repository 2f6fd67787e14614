"""Contract of the ``inside`` port: commands and connections inside running instances."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import pytest

from pvdify.adapters.podman.attached.inside import PodmanInside
from pvdify.adapters.subprocess.attached import attach
from pvdify.errors import NothingRuns
from pvdify.model.instance import InstanceSpec, Limits, Role
from pvdify.model.one_off import Stream, TerminalSize
from pvdify.ports.attached import Attached, Inside
from tests.fakes.one_offs import FakeInside
from tests.support.images import build_image, image_id

NAME, PORT, CLOSED = "pvdify-shop-web-v1-1", 8080, 9999
SPEAKER = "cat >/dev/null; echo said; echo failed >&2; exit 7"


@dataclass
class World:
    """One instance that runs and listens at PORT. ``stop`` ends it."""

    inside: Inside
    stop: Callable[[], Awaitable[None]]


@pytest.fixture(params=["fake", pytest.param("podman", marks=pytest.mark.podman)])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    if request.param == "fake":
        running = {NAME}
        inside = FakeInside(running.__contains__, lambda _name, port: port == PORT)
        inside.answer(SPEAKER, code=7, output="said\n", error="failed\n")

        async def stop() -> None:
            running.clear()

        yield World(inside, stop)
        return
    server = request.getfixturevalue("real_podman")
    instances = server.supervisor().instances
    spec = InstanceSpec(
        name=NAME, app="shop", process="web", slot=1, number=1, role=Role.INSTANCE,
        image_id=image_id(build_image(content="hello")), limits=Limits(memory=64 * 1024**2),
        command=f"exec httpd -f -p 127.0.0.1:{PORT} -h /www",
    )  # fmt: skip
    await instances.start(spec)
    real = PodmanInside(calls=server.calls(), attach=attach, run_dir=server.run_dir)
    yield World(real, lambda: instances.stop(NAME, 1))
    await instances.remove(NAME)


async def all_of(process: Attached) -> tuple[bytes, bytes, int]:
    """Return the output of both streams until the end, and the exit code."""
    said = {Stream.STDOUT: b"", Stream.STDERR: b""}
    while (piece := await process.read()) is not None:
        said[piece.stream] += piece.data
    return said[Stream.STDOUT], said[Stream.STDERR], await process.wait()


async def test_a_command_reads_its_input_and_ends_after_it(world: World):
    process = await world.inside.enter(NAME, 4711, "cat", None)

    await process.write("ü\n".encode())
    await process.close_input()

    assert await all_of(process) == ("ü\n".encode(), b"", 0)
    await process.end()


async def test_stdout_stderr_and_exit_code_are_returned(world: World):
    process = await world.inside.enter(NAME, 4711, SPEAKER, None)

    await process.write(b"ignored")
    await process.close_input()

    assert await all_of(process) == (b"said\n", b"failed\n", 7)
    await process.end()


@pytest.mark.parametrize("runs", [True, False], ids=["running", "starting"])
async def test_ending_a_command_ends_only_that_command_and_is_no_success(world: World, runs: bool):
    ended, other = [await world.inside.enter(NAME, number, "cat", None) for number in (4711, 4712)]
    if runs:
        await ended.write(b"runs\n")
        assert await ended.read() is not None
    waiting = asyncio.create_task(ended.wait())

    await ended.end()
    await ended.end()

    assert await asyncio.wait_for(waiting, 60) != 0
    await other.write(b"still here\n")
    await other.close_input()
    assert await all_of(other) == (b"still here\n", b"", 0)
    await other.end()


async def test_a_terminal_may_change_its_size(world: World):
    process = await world.inside.enter(NAME, 4711, "cat", TerminalSize(rows=24, columns=80))

    process.resize(TerminalSize(rows=50, columns=132))
    await process.write(b"x\r\n")

    piece = await process.read()
    assert piece is not None
    assert b"x" in piece.data
    await process.end()


async def test_a_connection_carries_bytes_both_ways(world: World):
    process = await world.inside.connect(NAME, PORT)
    await process.write(b"GET /index.html HTTP/1.0\r\n\r\n")
    await process.close_input()

    answer, words, code = await all_of(process)

    assert (b"HTTP/1." in answer, words, code) == (True, b"", 0)
    await process.end()


async def test_a_port_without_a_listener_exits_with_1_and_a_message(world: World):
    process = await world.inside.connect(NAME, CLOSED)

    assert await all_of(process) == (b"", b"port 9999: connection refused\n", 1)
    await process.end()


async def test_an_instance_that_has_stopped_is_not_entered(world: World):
    await world.stop()

    with pytest.raises(NothingRuns):
        await world.inside.enter(NAME, 4711, "true", None)
    with pytest.raises(NothingRuns):
        await world.inside.connect(NAME, PORT)
