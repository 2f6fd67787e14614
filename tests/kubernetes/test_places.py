"""What the addresses of instances promise on a real cluster."""

import pytest

from tests.support.cluster_runtime import ClusterServer

pytestmark = pytest.mark.kubernetes
NAMES = ("pvdify-shop-web-v1-1", "pvdify-shop-web-v1-2")


async def test_each_instance_has_its_own_address_and_finding_reserves_none(server: ClusterServer):
    places = server.runtime().places

    found = await places.reserve("shop v1", NAMES, ())

    assert len({endpoint.host for endpoint in found}) == 2
    assert await places.reserve("shop v1", NAMES, ()) == found


async def test_recorded_addresses_are_not_reused(server: ClusterServer):
    places = server.runtime().places
    first = await places.reserve("shop v1", NAMES, ())

    second = await places.reserve("shop v2", [name.replace("v1", "v2") for name in NAMES], first)
    again = await places.reserve("shop v1", NAMES, (*first, *second))

    assert not {*first} & {*second}
    assert not {*first, *second} & {*again}


async def test_unused_reservations_are_removed_by_the_next_one(server: ClusterServer):
    places = server.runtime().places
    await places.reserve("shop v1", NAMES, ())

    (kept,) = await places.reserve("shop v2", ("pvdify-shop-web-v2-1",), ())

    names = server.cluster.kubectl("-n", f"{server.prefix}shop", "get", "services", "-o", "name").split()
    assert names == ["service/pvdify-shop-web-v2-1"]
    assert kept.port == 80
