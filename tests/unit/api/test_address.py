"""Whose request it is, behind a proxy and without one."""

import pytest
from starlette.requests import Request

from pvdify.api.address import address_of
from pvdify.settings import load
from tests.fakes.machine import NEVER

SETTINGS = load({}, {}, NEVER)


def request(peer: str | None, **headers: str) -> Request:
    listed = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "headers": listed, "client": (peer, 1) if peer else None})


@pytest.mark.parametrize(
    ("peer", "headers", "address"),
    [
        ("192.0.2.1", {}, "192.0.2.1"),
        ("192.0.2.1", {"cf_connecting_ip": "192.0.2.2"}, "192.0.2.1"),
        ("127.0.0.1", {"cf_connecting_ip": "192.0.2.2"}, "192.0.2.2"),
        ("127.0.0.1", {"x_forwarded_for": "1.1.1.1, 192.0.2.3"}, "192.0.2.3"),
        ("127.0.0.1", {"cf_connecting_ip": "192.0.2.2", "x_forwarded_for": "192.0.2.3"}, "192.0.2.2"),
        ("127.0.0.1", {}, "127.0.0.1"),
        ("::1", {"cf_connecting_ip": "2001:db8:1:2:3::4"}, "2001:db8:1:2::/64"),
        ("127.0.0.1", {"cf_connecting_ip": "nonsense"}, "unknown"),
        (None, {}, "unknown"),
    ],
)
def test_the_nearest_that_can_be_believed(peer: str | None, headers: dict[str, str], address: str):
    assert address_of(request(peer, **headers), SETTINGS) == address
