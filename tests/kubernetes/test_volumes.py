"""The contract of volumes on a real cluster."""

import pytest

from pvdify.adapters.clock.clock import SystemClock
from tests.contract import test_volumes
from tests.contract.test_volumes import AnyWorld
from tests.kubernetes.worlds import suite
from tests.support.cluster_runtime import ClusterServer, cluster_server

pytestmark = pytest.mark.kubernetes
globals().update(suite(test_volumes))


@pytest.fixture
async def server(cluster, tmp_path):
    with cluster_server(cluster, tmp_path, kubernetes_helper_image=cluster.push_image(content="helper")) as made:
        yield made
        await made.close()


@pytest.fixture
def world(server: ClusterServer) -> AnyWorld:
    runtime = server.runtime()
    return AnyWorld(runtime, runtime.volumes, SystemClock(), server.push(content="hello"))
