"""Commands and connections inside real instances, with either runtime."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pvdify.adapters.podman.attached.inside import PodmanInside
from pvdify.adapters.subprocess.attached import attach
from pvdify.errors import NothingRuns
from pvdify.model.instance import InstanceSpec, Limits, Role, Secret
from pvdify.model.one_off import Stream, TerminalSize
from pvdify.ports.attached import Attached
from pvdify.settings import SYSTEMD_IS_HERE
from tests.support.images import build_image, image_id
from tests.support.podman import Supervisor, podman, podman_server

pytestmark = pytest.mark.podman

NAME = "pvdify-shop-web-v1-1"
# Only the container itself reaches it.
SERVER = "exec httpd -f -p 127.0.0.1:8080 -h /www"


@dataclass
class Place:
    inside: PodmanInside
    supervisor: Supervisor
    run_dir: Path
    log_dir: Path


@pytest.fixture(params=["podman", "systemd"])
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place]:
    if request.param == "systemd" and not SYSTEMD_IS_HERE.exists():
        pytest.skip("systemd is not process 1 here")
    with podman_server(tmp_path) as server:
        supervisor = server.supervisor() if request.param == "podman" else server.systemd_supervisor()
        spec = InstanceSpec(
            name=NAME, app="shop", process="web", slot=1, number=1, role=Role.INSTANCE, operation="op1",
            image_id=image_id(build_image(content="hello")), command=SERVER, limits=Limits(memory=64 * 1024**2),
            environment={"WORD": Secret("s3cret"), "GREETING": Secret("our own")},
        )  # fmt: skip
        await supervisor.instances.start(spec)
        inside = PodmanInside(calls=server.calls(), attach=attach, run_dir=server.run_dir)
        yield Place(inside, supervisor, server.run_dir, server.log_dir)
        await supervisor.instances.remove(NAME)


async def all_of(process: Attached) -> tuple[bytes, bytes, int]:
    said = {Stream.STDOUT: b"", Stream.STDERR: b""}
    while (piece := await process.read()) is not None:
        said[piece.stream] += piece.data
    return said[Stream.STDOUT], said[Stream.STDERR], await process.wait()


def files_left(place: Place) -> list[str]:
    return [
        str(path) for path in (*(place.run_dir / "instances" / NAME).iterdir(), *place.log_dir.iterdir())
        if "exec" in path.name or ".web" in path.name or path.name.startswith(".conmon.")
    ]  # fmt: skip


async def test_a_command_has_the_config_vars_input_output_and_exit_code(place: Place) -> None:
    command = "cat; echo $WORD $GREETING; echo oh >&2; test -d /proc/1 && exit 7"
    process = await place.inside.enter(NAME, 4711, command, None)
    await process.write(b"typed\n")
    await process.close_input()

    said = await all_of(process)
    await process.end()

    assert said == (b"typed\ns3cret our own\n", b"oh\n", 7)
    assert files_left(place) == []


async def test_a_command_runs_in_the_instance_and_podman_never_gets_the_config_vars(place: Place) -> None:
    process = await place.inside.enter(NAME, 4711, ("cat", "/proc/1/cmdline"), None)
    shown, _, code = await all_of(process)
    waiting = await place.inside.enter(NAME, 4712, ("sleep", "60"), None)
    (container,) = podman("ps", "--quiet", "--filter", "label=io.pvdify.app=shop").split()

    inspected = podman("container", "inspect", container)

    assert (code, b"httpd" in shown) == (0, True)
    assert "s3cret" not in inspected
    await asyncio.gather(process.end(), waiting.end())


async def test_ending_it_ends_the_command_and_not_the_instance(place: Place) -> None:
    stubborn = "trap '' HUP; echo begun; while true; do sleep 1; done"
    process = await place.inside.enter(NAME, 4711, stubborn, None)
    piece = await process.read()
    assert piece is not None

    await process.end()

    asked = await place.inside.enter(NAME, 4712, "cat /proc/[0-9]*/cmdline", None)
    shown, _, _ = await all_of(asked)
    await asked.end()
    assert (piece.data, b"begun" in shown, b"httpd" in shown) == (b"begun\n", False, True)
    assert files_left(place) == []


async def test_a_terminal_has_a_size_and_takes_keys(place: Place) -> None:
    process = await place.inside.enter(
        NAME, 4711, "test -t 0 && echo yes; exec sleep 60", TerminalSize(rows=24, columns=80)
    )
    said = b""
    while b"yes" not in said:
        piece = await process.read()
        assert piece is not None, said
        said += piece.data

    await process.write(b"\x03")

    assert (await all_of(process))[2] == 130
    await process.end()


async def test_a_connection_reaches_addresses_visible_only_in_the_container(place: Place) -> None:
    process = await place.inside.connect(NAME, 8080)
    await process.write(b"GET /index.html HTTP/1.0\r\n\r\n")
    await process.close_input()

    answer, _, code = await all_of(process)
    await process.end()

    assert (answer.startswith(b"HTTP/1.") and answer.endswith(b"hello"), code) == (True, 0)


async def test_a_port_without_a_listener_is_reported(place: Place) -> None:
    process = await place.inside.connect(NAME, 9999)

    answer, words, code = await all_of(process)
    await process.end()

    assert (answer, words, code) == (b"", b"port 9999: connection refused\n", 1)


async def test_an_instance_that_does_not_run_is_not_entered(place: Place) -> None:
    with pytest.raises(NothingRuns):
        await place.inside.enter("pvdify-shop-web-v1-9", 4711, "true", None)
    with pytest.raises(NothingRuns):
        await place.inside.connect("pvdify-shop-web-v1-9", 80)
