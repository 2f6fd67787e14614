"""The client address of a request: through the router, behind a proxy and without one."""

from dataclasses import replace

import pytest
from starlette.requests import Request

from pvdify.settings import load
from pvdify.web.address import address_of, sender_of
from tests.fakes.machine import NEVER
from tests.fakes.router import API_KEY
from tests.unit.api.conftest import Api

BEHIND_A_PROXY = load({"trusted_proxies": "127.0.0.0/8, ::1, 192.0.2.0/24"}, {}, NEVER)


def request(peer: str | None, **headers: str) -> Request:
    listed = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "headers": listed, "client": (peer, 1) if peer else None})


def through_router(address: str, peer: str = "127.0.0.1", **headers: str) -> Request:
    return request(peer, x_pvdify_router=API_KEY, x_forwarded_for=address, **headers)


@pytest.mark.parametrize(
    ("asked", "address"),
    [
        (request("127.0.0.1"), "127.0.0.1"),
        (request("198.51.100.7"), "198.51.100.7"),
        (request(None), "unknown"),
        (request("192.0.2.1", cf_connecting_ip="203.0.113.2"), "203.0.113.2"),
        (request("192.0.2.1", x_forwarded_for="1.1.1.1, 203.0.113.3"), "203.0.113.3"),
        (request("192.0.2.1", cf_connecting_ip="203.0.113.2", x_forwarded_for="203.0.113.3"), "203.0.113.2"),
        (request("192.0.2.1", cf_connecting_ip="nonsense"), "unknown"),
        (request("198.51.100.7", x_forwarded_for="203.0.113.9"), "198.51.100.7"),
        (through_router("203.0.113.9"), "203.0.113.9"),
        (through_router("203.0.113.9", cf_connecting_ip="203.0.113.2"), "203.0.113.9"),
        (through_router("203.0.113.9", peer="198.51.100.7"), "203.0.113.9"),
        (through_router("2001:db8:1:2:3::4"), "2001:db8:1:2::/64"),
    ],
)
async def test_the_nearest_trusted_address_is_used(api: Api, asked: Request, address: str):
    assert await address_of(asked, replace(api.engine, settings=BEHIND_A_PROXY)) == address


@pytest.mark.parametrize("peer", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("key", ["", "guessed", "\xff"])
@pytest.mark.parametrize("header", ["x_forwarded_for", "cf_connecting_ip"])
async def test_headers_from_other_local_programs_are_ignored(api: Api, peer: str, key: str, header: str):
    forged = request(peer, x_pvdify_router=key, **{header: "203.0.113.9"})

    assert await sender_of(forged, api.engine) == peer


async def test_events_name_the_whole_address(api: Api):
    assert await sender_of(through_router("2001:db8:1:2:3::4"), api.engine) == "2001:db8:1:2:3::4"
