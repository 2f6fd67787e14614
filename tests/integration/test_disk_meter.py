"""What an app takes on the disk, as a real podman's storage has it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pvdify.adapters.podman.volumes.disk_meter import PodmanDiskMeter
from pvdify.model.instance import InstanceSpec, Limits, Mount
from tests.support.images import build_image, image_id, missing_for_podman
from tests.support.podman import PodmanServer, podman_server

pytestmark = [pytest.mark.podman, pytest.mark.skipif(bool(missing_for_podman()), reason=str(missing_for_podman()))]
MIB = 1024**2
WRITES = "dd if=/dev/zero of=/own bs=1M count=7; dd if=/dev/zero of=/data/kept bs=1M count=5; exec sleep 1000"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[PodmanServer]:
    with podman_server(tmp_path) as server:
        yield server


async def test_layers_volumes_and_logs_are_counted_by_app(server: PodmanServer, tmp_path: Path) -> None:
    supervisor, calls = server.supervisor().instances, server.calls()
    spec = InstanceSpec(
        name="pvdify-shop-web-v1-1", app="shop", process="web", slot=1, number=1,
        image_id=image_id(build_image(content="hello")), command=WRITES, limits=Limits(memory=64 * MIB),
        mounts=(Mount(path="/data", volume="shopdata1"),),
    )  # fmt: skip
    logs = tmp_path / "measured"
    (logs / "shop").mkdir(parents=True)
    (logs / "shop" / "v1.deploy.jsonl").write_bytes(bytes(2 * MIB))
    meter = PodmanDiskMeter(calls=calls, log_dir=logs)
    await supervisor.start(spec)
    try:
        for _ in range(100):
            found = (await meter.measure())["shop"]
            if found.layers >= 7 * MIB and found.volumes >= 5 * MIB:
                break
    finally:
        await supervisor.remove(spec.name)
        after = await meter.measure()
        await calls.volumes.remove("shopdata1")

    assert 7 * MIB <= found.layers < 8 * MIB
    assert 5 * MIB <= found.volumes < 6 * MIB
    assert 2 * MIB <= found.logs < 3 * MIB
    assert (after["shop"].layers, after["shop"].volumes >= 5 * MIB) == (0, True)
