"""One real cluster for all tests of this process, and each test runs in its outside network."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.support.cluster import Cluster, missing_for_cluster
from tests.support.cluster_objects import eventually
from tests.support.cluster_runtime import ClusterServer, cluster_server
from tools.cluster.build import SourceUnavailable, build
from tools.cluster.programs import Programs

LONG = (
    "test_same_as_podman", "test_instances", "test_moves", "test_losses", "test_cluster", "test_volume_transfers",
    "test_volume_copies", "test_backups", "test_deploys", "test_volumes", "test_registry_logins", "test_kill",
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest, so that the processes of a parallel run end at about the same time."""
    order = {Path(__file__).with_name(f"{name}.py"): number for number, name in enumerate(LONG)}
    items.sort(key=lambda item: order.get(item.path, len(order)))


@pytest.fixture(scope="session")
def programs() -> Programs:
    """The programs of a cluster; skips with the reason where there can be none."""
    if reason := missing_for_cluster():
        pytest.skip(reason)
    try:
        return build()
    except SourceUnavailable as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def shared_cluster(programs: Programs) -> Iterator[Cluster]:
    """The cluster of this run."""
    with Cluster() as cluster:
        yield cluster


@pytest.fixture
def cluster(shared_cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    """The cluster with all workers Ready; the test is in its outside network and finds kubectl."""
    monkeypatch.setenv("PATH", shared_cluster.environment["PATH"])
    # A busy machine may miss a heartbeat. What fails here has not: an earlier test left a worker off.
    eventually(lambda: shared_cluster.ready_nodes() == set(shared_cluster.nodes))
    with shared_cluster.inside():
        yield shared_cluster


@pytest.fixture
async def server(cluster: Cluster, tmp_path: Path) -> AsyncIterator[ClusterServer]:
    """A server with namespaces of its own in the cluster."""
    with cluster_server(cluster, tmp_path) as made:
        yield made
        await made.close()
