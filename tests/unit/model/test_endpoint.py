"""Endpoints as text, and back."""

import pytest

from pvdify.model.endpoint import Endpoint


@pytest.mark.parametrize(
    ("endpoint", "text", "short"),
    [
        (Endpoint("127.0.0.1", 3001), "127.0.0.1:3001", ":3001"),
        (Endpoint("10.0.0.7", 3001), "10.0.0.7:3001", "10.0.0.7:3001"),
        (Endpoint("node7.internal", 80), "node7.internal:80", "node7.internal:80"),
        (Endpoint("fd00::7", 3001), "[fd00::7]:3001", "[fd00::7]:3001"),
        (Endpoint("::1", 3001), "[::1]:3001", ":3001"),
        (Endpoint("/run/pvdify/web.sock"), "unix:/run/pvdify/web.sock", "unix:/run/pvdify/web.sock"),
    ],
)
def test_an_endpoint_is_written_and_read_again(endpoint: Endpoint, text: str, short: str):
    assert (str(endpoint), endpoint.short) == (text, short)
    assert Endpoint.parse(text) == endpoint


@pytest.mark.parametrize("text", ["", "3001", ":3001", "host:", "host:0", "host:65536", "host:http", "unix:run/x"])
def test_invalid_endpoints_are_refused(text: str):
    with pytest.raises(ValueError, match="expected HOST:PORT"):
        Endpoint.parse(text)
