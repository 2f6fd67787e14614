"""The first start after a boot of the host, on both runtimes: nothing fails, and no restart is reported."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pvdify.adapters.systemd import units as systemd_units
from pvdify.model.instance import Exit, InstanceSpec, InstanceState, Limits
from tests.support.images import build_image, image_id, missing_for_podman
from tests.support.podman import PodmanServer, Supervisor, missing_for_systemd, podman_server

pytestmark = [pytest.mark.podman, pytest.mark.skipif(bool(missing_for_podman()), reason=str(missing_for_podman()))]
NAME = "pvdify-shop-web-v1-1"
needs_systemd = pytest.mark.skipif(bool(missing_for_systemd()), reason=str(missing_for_systemd()))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[PodmanServer]:
    with podman_server(tmp_path) as server:
        yield server


@pytest.fixture(params=["podman", pytest.param("systemd", marks=needs_systemd)])
def runtime(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def supervisor_of(server: PodmanServer, runtime: str) -> Supervisor:
    return server.systemd_supervisor() if runtime == "systemd" else server.supervisor()


def spec() -> InstanceSpec:
    image = image_id(build_image(content="hello"))
    return InstanceSpec(
        name=NAME, app="shop", process="web", slot=1, number=1, image_id=image, command=("/bin/sleep", "1000"),
        limits=Limits(memory=32 * 1024**2),
    )  # fmt: skip


def forget_what_is_on_tmpfs(server: PodmanServer) -> None:
    """As a boot does: the run directory and the units are gone, podman's records are on disk."""
    for unit in systemd_units.DIRECTORY.glob(f"{NAME}*.service"):
        unit.unlink()
        subprocess.run(("systemctl", "reset-failed", unit.name), check=False, capture_output=True)
    if not missing_for_systemd():
        subprocess.run(("systemctl", "daemon-reload"), check=True)
    subprocess.run(("rm", "-rf", str(server.run_dir)), check=True)


async def test_the_first_start_after_a_boot_does_not_fail_and_is_no_restart(server: PodmanServer, runtime: str) -> None:
    supervisor = supervisor_of(server, runtime)
    await supervisor.instances.start(spec())
    await supervisor.instances.stop(NAME, 0)
    forget_what_is_on_tmpfs(server)
    supervisor = supervisor_of(server, runtime)
    (found,) = await supervisor.instances.find()
    assert (found.state, found.is_of_earlier_boot) == (InstanceState.EXITED, True)
    server.runner.calls.clear()

    await supervisor.instances.start(spec())

    starts = [argv for argv in server.runner.calls if {"run", "start", "restart"} & set(argv[:5])]
    assert len(starts) == 1, starts
    (found,) = await supervisor.instances.find()
    assert (found.state, found.is_of_earlier_boot, found.restarts) == (InstanceState.RUNNING, False, 0)
    assert await supervisor.instances.restarts() == ()


async def test_a_container_name_in_use_is_not_reported_as_a_restart(server: PodmanServer, runtime: str) -> None:
    """If the daemon listed containers too early, its first attempt fails; no restart is reported for that."""
    supervisor, late = supervisor_of(server, runtime), supervisor_of(server, runtime)
    await late.instances.find()
    await supervisor.instances.start(spec())
    await supervisor.instances.stop(NAME, 0)
    forget_what_is_on_tmpfs(server)

    await late.instances.start(spec())

    (found,) = await late.instances.find()
    assert (found.state, found.restarts) == (InstanceState.RUNNING, 0)
    assert await late.instances.restarts() == ()


async def test_what_exited_in_this_boot_is_not_of_an_earlier_one(server: PodmanServer) -> None:
    supervisor = server.supervisor()
    await supervisor.instances.start(spec())
    await supervisor.instances.stop(NAME, 0)

    (found,) = await supervisor.instances.find()

    assert (found.exit, found.is_of_earlier_boot) == (Exit(code=137), False)
