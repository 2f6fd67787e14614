"""The contract of commands and connections inside running instances on a real cluster."""

import pytest

from pvdify.model.instance import InstanceSpec, Limits
from tests.contract import test_inside
from tests.contract.test_inside import NAME, PORT, World
from tests.kubernetes.worlds import suite
from tests.support.cluster_runtime import ClusterServer

pytestmark = pytest.mark.kubernetes
globals().update(suite(test_inside))


@pytest.fixture
async def world(server: ClusterServer) -> World:
    runtime = server.runtime()
    spec = InstanceSpec(
        name=NAME, app="shop", process="web", slot=1, number=1, image_id=server.push(content="hello"),
        command=f"exec httpd -f -p 127.0.0.1:{PORT} -h /www", limits=Limits(memory=64 * 1024**2),
    )  # fmt: skip
    await runtime.instances.start(spec)
    return World(runtime.inside, lambda: runtime.instances.stop(NAME, 1))
