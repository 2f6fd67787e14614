"""The cluster that other tests rely on: it runs pods, loses machines, and is gone at the end."""

import os
import subprocess
import uuid
from collections.abc import Iterator

import pytest

from tests.support.cluster import Cluster
from tests.support.cluster_objects import Seen, answer, claim, deployment, eventually, pod, service
from tools.cluster.cluster import Cluster as RealCluster
from tools.cluster.cluster import ClusterFailed, remove_leftovers
from tools.cluster.layout import Layout, name_of_checkout
from tools.cluster.programs import Programs
from tools.cluster.traces import traces

pytestmark = pytest.mark.kubernetes


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    """A namespace of one test. Its deletion is not waited for."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    cluster.kubectl("create", "namespace", name)
    eventually(lambda: "default" in cluster.kubectl("get", "serviceaccounts", "--namespace", name, "--output=name"))
    yield name
    cluster.kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture
def seen(cluster: Cluster, namespace: str) -> Seen:
    return Seen(cluster, namespace)


@pytest.fixture
def web(cluster: Cluster, namespace: str, seen: Seen) -> str:
    """The address of a service with a pod on each worker."""
    cluster.apply(deployment(namespace, cluster.push_image()), service(namespace))
    seen.wait_for_deployment()
    address = seen.address()
    # kube-proxy knows the second pod later than the first, and after a loss it may know one that has gone.
    eventually(lambda: {answer(address) for _ in range(40)} == set(seen.ready_pods()))
    return address


def test_every_worker_is_ready_and_runs_what_was_built(cluster: Cluster, programs: Programs) -> None:
    versions = cluster.kubectl("get", "nodes", "--output=jsonpath={.items[*].status.nodeInfo.kubeletVersion}")

    assert cluster.ready_nodes() == set(cluster.nodes)
    assert set(versions.split()) == {f"v{programs.kubernetes}"}


def test_the_outside_reaches_the_pods_of_a_service_on_every_worker(web: str, seen: Seen) -> None:
    assert {answer(web) for _ in range(40)} == set(seen.ready_pods())
    assert len(set(seen.ready_pods().values())) == 2


def test_a_pod_reaches_a_service_also_when_its_own_worker_runs_it(web: str, seen: Seen) -> None:
    address, _, port = web.partition(":")
    asked = f"printf 'GET / HTTP/1.0\\r\\n\\r\\n' | busybox nc -w 5 {address} {port}"

    for name in seen.ready_pods():
        eventually(lambda name=name: seen.exec(name, asked))  # each worker has a kube-proxy of its own
        for _ in range(8):  # each time, one of the two pods is chosen
            assert "200 OK" in seen.exec(name, asked)


def test_a_pod_has_the_limit_of_memory_that_it_was_given(cluster: Cluster, namespace: str, seen: Seen) -> None:
    limits = {"limits": {"memory": "64Mi"}}
    shown = "cat /sys/fs/cgroup/memory/memory.limit_in_bytes; sleep 1000"

    cluster.apply(pod(namespace, cluster.push_image(), shown, resources=limits))

    assert eventually(lambda: seen.log("one")).strip() == str(64 * 1024 * 1024)


def test_a_pod_that_takes_more_memory_than_its_limit_is_killed(cluster: Cluster, namespace: str, seen: Seen) -> None:
    limits = {"limits": {"memory": "32Mi"}}

    cluster.apply(pod(namespace, cluster.push_image(), "exec tail /dev/zero", resources=limits, restartPolicy="Never"))

    eventually(lambda: seen.phase("one") == "Failed")
    ended = seen.get("pod", "one")["status"]["containerStatuses"][0]["state"]["terminated"]
    assert (ended["reason"], ended["exitCode"]) == ("OOMKilled", 137)


def test_an_image_behind_a_password_is_pulled_with_the_password_only(
    cluster: Cluster, namespace: str, seen: Seen
) -> None:
    image = cluster.push_image(private=True)
    user, password = cluster.private_login
    cluster.kubectl("create", "secret", "docker-registry", "login", "--namespace", namespace,
                    f"--docker-server={cluster.private_registry}", f"--docker-username={user}",
                    f"--docker-password={password}")  # fmt: skip

    cluster.apply(pod(namespace, image, "sleep 1000", name="without"))
    eventually(lambda: seen.reason("without") in ("ErrImagePull", "ImagePullBackOff"))
    cluster.apply(pod(namespace, image, "sleep 1000", imagePullSecrets=[{"name": "login"}]))
    eventually(lambda: seen.phase("one") == "Running")

    assert seen.phase("without") == "Pending"


@pytest.mark.parametrize("storage_class", [None, "local-path"])
def test_files_in_a_claim_outlive_their_pod(
    cluster: Cluster, namespace: str, seen: Seen, storage_class: str | None
) -> None:
    """Also for a user who is not root, to whom ``fsGroup`` gives the folder."""
    image, user = cluster.push_image(), {"fsGroup": 1000, "runAsUser": 1000}
    cluster.apply(claim(namespace, storage_class))

    cluster.apply(pod(namespace, image, "echo kept > /data/file; sleep 1000", claim="data", securityContext=user))
    eventually(lambda: seen.exec("one", "cat /data/file"))
    cluster.kubectl("delete", "pod", "--namespace", namespace, "one")
    cluster.apply(pod(namespace, image, "cat /data/file; sleep 1000", name="two", claim="data", securityContext=user))

    assert eventually(lambda: seen.log("two")).strip() == "kept"


def test_the_volume_of_a_deleted_claim_is_removed(cluster: Cluster, namespace: str, seen: Seen) -> None:
    cluster.apply(claim(namespace))
    name = eventually(lambda: seen.get("pvc", "data")["spec"].get("volumeName"))
    assert (cluster.volumes / name).is_dir()

    cluster.kubectl("delete", "pvc", "--namespace", namespace, "data")

    eventually(lambda: name not in cluster.kubectl("get", "pv", "--output=name"))
    assert not (cluster.volumes / name).exists()


def test_the_outside_has_no_way_to_another_network(cluster: Cluster) -> None:
    routes = cluster.run("ip", "route").stdout.splitlines()

    assert routes
    assert all(route.startswith(("10.210.", "10.211.")) for route in routes)


def test_a_killed_worker_is_detected_and_rejoins(cluster: Cluster, web: str, seen: Seen) -> None:
    victim, survivor = cluster.nodes

    cluster.kill_node(victim)
    try:
        eventually(lambda: cluster.ready_nodes() == {survivor})
        eventually(lambda: list(seen.ready_pods().values()) == [survivor, survivor])
        eventually(lambda: {answer(web) for _ in range(20)} == set(seen.ready_pods()))
    finally:
        cluster.start_node(victim)

    assert cluster.ready_nodes() == {victim, survivor}
    eventually(lambda: set(seen.get("pods")["items"][0]["status"]) and len(seen.endpoints()) == 2)


def test_a_service_answers_while_the_api_server_is_away(cluster: Cluster, web: str, seen: Seen) -> None:
    pods = set(seen.ready_pods())
    cluster.kill_api()
    try:
        with pytest.raises(ClusterFailed):
            seen.ready_pods()
        answers = {answer(web) for _ in range(40)}
    finally:
        cluster.start_api()

    assert answers == pods
    eventually(lambda: set(seen.ready_pods()) == pods and cluster.ready_nodes() == set(cluster.nodes))


def test_a_cluster_whose_owner_was_killed_is_removed_without_a_trace(programs: Programs) -> None:
    layout = Layout(name=f"{name_of_checkout()}l", nodes=1)
    cluster = RealCluster(layout, programs)
    owner = subprocess.Popen(("sleep", "1000"))
    cluster.up(owner=owner.pid)
    remove_leftovers()
    assert cluster.is_up()
    owner.kill()
    owner.wait()

    remove_leftovers()

    assert traces(layout) == []


@pytest.mark.long
def test_a_half_made_cluster_is_made_again(programs: Programs) -> None:
    layout = Layout(name=f"{name_of_checkout()}h", nodes=1)
    cluster = RealCluster(layout, programs)
    cluster.up(owner=os.getpid())
    (layout.folder / "ready").unlink()

    cluster.up(owner=os.getpid())

    assert cluster.ready_nodes() == {"n1"}
    cluster.down()
    assert traces(layout) == []
