"""Contract suite of the ``runtime_options`` port: the fake, and the runtimes of this machine."""

from pathlib import Path

import pytest

from pvdify.adapters.systemd.beside_podman import PodmanOrSystemd
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


async def test_apps_cannot_move_from_another_kind_of_runtime(tmp_path: Path):
    options = PodmanOrSystemd("elsewhere", tmp_path)

    assert "elsewhere" in await options.obstacle("podman")
