"""The contract of disk meters on a real cluster."""

from pathlib import Path

import pytest

from tests.contract import test_disk_meter
from tests.kubernetes.worlds import suite
from tests.support.cluster_runtime import ClusterServer

pytestmark = pytest.mark.kubernetes
globals().update(suite(test_disk_meter))


@pytest.fixture
def world(server: ClusterServer):
    def log(app: str, size: int) -> None:
        directory = Path(server.inputs.log_dir, app)
        directory.mkdir(parents=True)
        (directory / "v1.log").write_bytes(b"x" * size)

    return server.runtime().disk_meter, log
