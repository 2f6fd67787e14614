"""Contract of the ``disk_meter`` port: the fake, and podman."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pvdify.adapters.podman.volumes.disk_meter import PodmanDiskMeter
from pvdify.model.disk_use import DiskUse
from pvdify.ports.disk_meter import DiskMeter
from tests.fakes.disk_meter import FakeDiskMeter

KIB = 1024
World = tuple[DiskMeter, Callable[[str, int], None]]  # the meter, and a function that logs this many bytes for an app


@pytest.fixture(params=["fake", pytest.param("podman", marks=pytest.mark.podman)])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    if request.param == "fake":
        fake = FakeDiskMeter()
        return fake, lambda app, size: fake.use.update({app: DiskUse(logs=size)})

    def log(app: str, size: int) -> None:
        (tmp_path / "measured" / app).mkdir(parents=True)
        (tmp_path / "measured" / app / "v1.log").write_bytes(b"x" * size)

    calls = request.getfixturevalue("real_podman").calls()
    return PodmanDiskMeter(calls=calls, log_dir=tmp_path / "measured"), log


async def test_an_app_without_files_is_not_listed(world: World) -> None:
    meter, _ = world

    assert await meter.measure() == {}


async def test_disk_usage_is_measured_per_app(world: World) -> None:
    meter, log = world
    log("shop", 512 * KIB)
    log("blog", 64 * KIB)

    found = await meter.measure()

    assert set(found) == {"shop", "blog"}
    assert 512 * KIB <= found["shop"].logs < 640 * KIB
    assert 64 * KIB <= found["blog"].logs < 192 * KIB
    assert (found["shop"].layers, found["shop"].volumes) == (0, 0)
