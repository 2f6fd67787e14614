"""The disposable servers of the tests do not have the networks of the machine that they run on."""

import secrets
import subprocess
from collections.abc import Iterator

import pytest

from tests.support.vps import Vps, missing_for_vps


@pytest.fixture
def network() -> Iterator[str]:
    """The name of a network of this machine's podman."""
    name = f"pvdify-another-{secrets.token_hex(3)}"
    subprocess.run(("podman", "network", "create", name), check=True)
    yield name
    subprocess.run(("podman", "network", "rm", name), check=True)


@pytest.mark.vps
def test_a_disposable_server_has_no_network_of_this_machine(network: str) -> None:
    if (missing := missing_for_vps()) is not None:
        pytest.skip(missing)
    listing = ("podman", "network", "ls", "--format={{.Name}}")
    here = subprocess.run(listing, check=True, capture_output=True, text=True).stdout.split()

    with Vps() as vps:
        there = vps.run(*listing).stdout.split()

    assert network in here
    assert there == ["podman"]
