"""One-off commands in real containers."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pvdify.adapters.podman.attached.one_offs import PodmanOneOffs
from pvdify.adapters.subprocess.attached import attach
from pvdify.model.instance import InstanceSpec, Limits, Role, Secret
from pvdify.model.one_off import Stream, TerminalSize
from pvdify.ports.attached import Attached
from tests.support.images import build_image, image_id
from tests.support.podman import podman, podman_server

pytestmark = pytest.mark.podman


@pytest.fixture
async def one_offs(tmp_path: Path) -> AsyncIterator[PodmanOneOffs]:
    with podman_server(tmp_path) as server:
        yield PodmanOneOffs(calls=server.calls(), attach=attach, run_dir=server.run_dir)
        assert podman("ps", "--all", "--quiet", f"--filter=label=io.pvdify.server={server.server_id}") == ""


def spec(command: str, stop_timeout: float = 30.0) -> InstanceSpec:
    return InstanceSpec(
        name="pvdify-shop-run-v1-1", app="shop", process="run", slot=1, number=1, role=Role.RUN,
        image_id=image_id(build_image(content="hello")), command=command, limits=Limits(memory=64 * 1024**2),
        environment={"WORD": Secret("s3cret")}, stop_timeout=stop_timeout,
    )  # fmt: skip


async def all_of(process: Attached) -> dict[Stream, bytes]:
    said = {Stream.STDOUT: b"", Stream.STDERR: b""}
    while (piece := await process.read()) is not None:
        said[piece.stream] += piece.data
    return said


async def test_output_errors_input_config_and_exit_code_go_through(one_offs: PodmanOneOffs) -> None:
    process = await one_offs.start(spec("cat; echo $WORD; echo oh >&2; exit 7"), None)
    await process.write(b"typed\n")
    await process.close_input()

    said = await all_of(process)

    assert said == {Stream.STDOUT: b"typed\ns3cret\n", Stream.STDERR: b"oh\n"}
    assert await process.wait() == 7
    await process.end()


async def test_a_terminal_has_a_size_that_changes_and_takes_keys(one_offs: PodmanOneOffs) -> None:
    process = await one_offs.start(
        spec("tty; stty size; read x; stty size; sleep 60"), TerminalSize(rows=24, columns=80)
    )
    said = b""
    while b"24 80" not in said:
        piece = await process.read()
        assert piece is not None, said
        said += piece.data
    process.resize(TerminalSize(rows=50, columns=132))
    await asyncio.sleep(0.3)
    await process.write(b"\r")
    while b"50 132" not in said:
        piece = await process.read()
        assert piece is not None, said
        said += piece.data
    await process.write(b"\x03")

    await all_of(process)

    assert b"/dev/pts/" in said
    assert await process.wait() == 130
    await process.end()


async def test_an_ended_one_off_gets_its_grace_period(one_offs: PodmanOneOffs) -> None:
    finishing = "sh -c 'trap \"sleep 0.3; echo finished; exit 0\" TERM; echo up; while true; do sleep 0.1; done' | cat"
    process = await one_offs.start(spec(finishing), None)
    first = await process.read()
    rest = asyncio.create_task(all_of(process))

    await process.end()

    assert first is not None
    assert first.data + (await rest)[Stream.STDOUT] == b"up\nfinished\n"


async def test_a_one_off_over_its_grace_period_is_killed(one_offs: PodmanOneOffs) -> None:
    process = await one_offs.start(spec("trap '' TERM; echo up; sleep 600", stop_timeout=0.5), None)
    assert await process.read() is not None

    begun = time.monotonic()
    await process.end()

    assert time.monotonic() - begun < 60


async def test_a_command_that_is_not_there_has_the_shells_exit_code(one_offs: PodmanOneOffs) -> None:
    process = await one_offs.start(spec("no-such-program"), None)

    said = await all_of(process)

    assert await process.wait() == 127
    assert b"not found" in said[Stream.STDERR]
    await process.end()
