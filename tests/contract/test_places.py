"""Contract of the ``places`` port: the fake, and this machine."""

import socket
from contextlib import closing

import pytest

from pvdify.adapters.host.places import LoopbackPorts
from pvdify.errors import NoFreePort
from pvdify.ports.places import Places
from pvdify.settings import PortRange
from tests.fakes.places import FakePlaces

NAMES = ("pvdify-shop-web-v1-1", "pvdify-shop-web-v1-2")


def free_range(size: int) -> PortRange:
    """Return consecutive free ports."""
    for first in range(21000, 29000, size):
        try:
            for port in range(first, first + size):
                with closing(socket.create_server(("127.0.0.1", port))):
                    pass
        except OSError:
            continue
        return PortRange(first=first, last=first + size - 1)
    raise AssertionError("no ports are free here")


@pytest.fixture
def ports() -> PortRange:
    return free_range(4)


@pytest.fixture(params=["fake", "real"])
def places(request: pytest.FixtureRequest, ports: PortRange) -> Places:
    return FakePlaces(ports) if request.param == "fake" else LoopbackPorts(ports)


async def test_each_instance_has_its_own_endpoint_in_order(places: Places, ports: PortRange):
    found = await places.reserve("shop v1", NAMES, ())

    assert [endpoint.port for endpoint in found] == [ports.first, ports.first + 1]
    assert len({endpoint.host for endpoint in found}) == 1


async def test_recorded_endpoints_are_not_reused_and_the_newest_is_reused_last(places: Places, ports: PortRange):
    first = await places.reserve("shop v1", NAMES, ())

    second = await places.reserve("shop v2", NAMES, first)
    third = await places.reserve("shop v3", NAMES, second)

    assert [endpoint.port for endpoint in second] == [ports.first + 2, ports.first + 3]
    assert [endpoint.port for endpoint in third] == [ports.first, ports.first + 1]


async def test_finding_endpoints_reserves_none(places: Places):
    assert await places.reserve("shop v1", NAMES, ()) == await places.reserve("shop v1", NAMES, ())


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0"])
async def test_ports_with_other_listeners_are_skipped(places: Places, ports: PortRange, address: str):
    with socket.create_server((address, ports.first)):
        if isinstance(places, FakePlaces):
            places.others.add(ports.first)
        (found,) = await places.reserve("shop v1", NAMES[:1], ())

    assert found.port == ports.first + 1


async def test_too_few_free_ports_is_an_error_with_their_number(places: Places, ports: PortRange):
    taken = await places.reserve("shop v1", ("a", "b", "c"), ())

    with pytest.raises(NoFreePort) as failure:
        await places.reserve("shop v2", NAMES, taken)

    assert str(failure.value) == "shop v2 needs 2 more ports, 1 are free"
    assert str(ports) in failure.value.why
