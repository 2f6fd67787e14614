"""The contract of private networks on a real cluster, which stores the policies and does not enforce them."""

import pytest

from tests.contract import test_private_networks
from tests.contract.test_private_networks import World
from tests.kubernetes.worlds import suite
from tests.support.cluster_runtime import ClusterServer

pytestmark = pytest.mark.kubernetes
globals().update(suite(test_private_networks))


@pytest.fixture
def world(server: ClusterServer) -> World:
    runtime = server.runtime()
    return World(runtime.instances, runtime.private_networks, server.push(content="hello"))


async def test_a_link_is_open_for_pods_with_its_label_alone(world, server: ClusterServer):
    await test_private_networks.network(world)

    rules = server.cluster.kubectl("-n", f"{server.prefix}service--db", "get", "networkpolicies", "-o", "json")

    assert "pvdify.win/link-" in rules
