"""Real podman and a real registry for the contract suites, started once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.images import missing_for_podman
from tests.support.podman import PodmanServer, podman_server
from tools.loopback_registry import LoopbackRegistry


@pytest.fixture
def real_podman(tmp_path: Path) -> Iterator[PodmanServer]:
    """A server of our own on the real podman."""
    if missing := missing_for_podman():
        pytest.skip(missing)
    with podman_server(tmp_path) as server:
        yield server


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoopbackRegistry]:
    """A real registry on loopback, without a password."""
    if missing := missing_for_podman():
        pytest.skip(missing)
    with LoopbackRegistry(tmp_path_factory.mktemp("registry")) as running:
        yield running
