"""Contract suite of the ``runtime_options`` port: the fake, and the runtimes of this machine."""

from pathlib import Path

import pytest

from pvdify.adapters.beside_cluster.options import MachineAndCluster
from pvdify.adapters.systemd.beside_podman import PodmanOrSystemd
from pvdify.errors import RuntimeUnavailable
from pvdify.ports.runtime_options import RuntimeOptions
from tests.fakes.runtime_options import FakeRuntimeOptions

RUNTIMES = ("podman", "systemd")


@pytest.fixture(params=["fake", "real"])
def with_systemd(request: pytest.FixtureRequest, tmp_path: Path) -> RuntimeOptions:
    return FakeRuntimeOptions() if request.param == "fake" else PodmanOrSystemd(root=tmp_path)


@pytest.fixture(params=["fake", "real"])
def without_systemd(request: pytest.FixtureRequest, tmp_path: Path) -> RuntimeOptions:
    if request.param == "real":
        return PodmanOrSystemd(root=tmp_path / "missing")
    fake = FakeRuntimeOptions()
    fake.missing["systemd"] = "systemd is not process 1"
    return fake


async def test_with_systemd_apps_can_move_to_both_runtimes(with_systemd: RuntimeOptions):
    assert tuple(with_systemd.names) == RUNTIMES
    assert [await with_systemd.obstacle(name) for name in with_systemd.names] == ["", ""]


async def test_without_systemd_the_reason_is_named(without_systemd: RuntimeOptions):
    assert await without_systemd.obstacle("podman") == ""
    assert "systemd" in await without_systemd.obstacle("systemd")


async def test_apps_move_to_a_cluster_that_answers(tmp_path: Path):
    options = MachineAndCluster(local=PodmanOrSystemd(tmp_path), setting="podman", ask=_answer)

    assert tuple(options.names) == (*RUNTIMES, "kubernetes")
    assert [await options.obstacle(name) for name in options.names] == ["", "", ""]


async def test_why_no_app_can_move_to_the_cluster_is_named(tmp_path: Path):
    async def refuse() -> None:
        raise RuntimeUnavailable("the API server does not answer", why="connection refused", next="wait")

    local = PodmanOrSystemd(tmp_path)

    away = await MachineAndCluster(local=local, setting="podman", ask=refuse).obstacle("kubernetes")
    unset = await MachineAndCluster(local=local, setting="podman", ask=None).obstacle("kubernetes")

    assert away == "the API server does not answer: connection refused"
    assert "kubeconfig is empty" in unset


async def test_from_a_server_on_the_cluster_the_way_to_this_machine_is_named(tmp_path: Path):
    options = MachineAndCluster(local=PodmanOrSystemd(tmp_path), setting="kubernetes", ask=None)

    assert await options.obstacle("kubernetes") == ""
    assert 'runtime = "podman"' in await options.obstacle("podman")


async def _answer() -> None:
    """The cluster answers."""
