"""One real cluster for all tests of this folder, and each test runs in its outside network."""

from collections.abc import Iterator

import pytest

from tests.support.cluster import Cluster, missing_for_cluster


@pytest.fixture(scope="session")
def shared_cluster() -> Iterator[Cluster]:
    """The cluster of this run; skips with the reason where there can be none."""
    if reason := missing_for_cluster():
        pytest.skip(reason)
    with Cluster() as cluster:
        yield cluster


@pytest.fixture
def cluster(shared_cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    """The cluster with all workers Ready; the test is in its outside network and finds kubectl."""
    monkeypatch.setenv("PATH", shared_cluster.environment["PATH"])
    assert shared_cluster.ready_nodes() == set(shared_cluster.nodes), "an earlier test left a worker off"
    with shared_cluster.inside():
        yield shared_cluster
