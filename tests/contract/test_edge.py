"""Contract of the ``edge`` port."""

import random

import pytest

from pvdify.adapters.cloudflare.api import CloudflareApi
from pvdify.adapters.cloudflare.edge import CloudflareEdge
from pvdify.model.edge import EdgeLink, wanted_edge
from pvdify.model.instance import Secret
from pvdify.model.public import PublicAnswer
from pvdify.ports.edge import Edge
from pvdify.settings import Address
from tests.fakes.clock import FakeClock
from tests.fakes.cloudflare import FakeCloudflare
from tests.fakes.edge import FakeEdge

LINK = EdgeLink(token=Secret("cf-token"))
ROUTER = "http://127.0.0.1:9080"
ONE = wanted_edge(["shop.example.com"], "example.com", ROUTER)
TWO = wanted_edge(["shop.example.com", "www.shop.org"], "example.com", ROUTER)


@pytest.fixture(params=["fake", "cloudflare"])
def edge(request: pytest.FixtureRequest) -> Edge:
    if request.param == "fake":
        return FakeEdge()
    web = FakeCloudflare("example.com", "shop.org")
    metrics = Address(host="127.0.0.1", port=20241)
    return CloudflareEdge(CloudflareApi(web, FakeClock(), chance=random.Random(1)), "0123456789", web, metrics)


async def test_putting_equal_rules_changes_nothing(edge: Edge):
    first = await edge.put(ONE, LINK)
    second = await edge.put(ONE, LINK)

    assert second == first
    assert first.is_own
    assert first.problems == ()


async def test_other_rules_are_another_version_of_the_same_tunnel(edge: Edge):
    first = await edge.put(ONE, LINK)
    second = await edge.put(TWO, LINK)

    assert second.version > first.version
    assert (second.tunnel_id, second.run_token) == (first.tunnel_id, first.run_token)


async def test_removing_is_idempotent_and_put_creates_the_tunnel_again(edge: Edge):
    await edge.put(ONE, LINK)

    await edge.remove(ONE, LINK)
    await edge.remove(ONE, LINK)

    assert (await edge.put(ONE, LINK)).problems == ()


async def test_answers_of_other_servers_are_not_explained(edge: Edge):
    assert edge.explain("shop.example.com", PublicAnswer(status=404)) is None
    assert edge.kind
