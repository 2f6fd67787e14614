"""What the doctor says about a cluster, and how each problem is repaired."""

from dataclasses import replace
from pathlib import Path

import pytest

from pvdify.adapters.kubernetes.survey import ClusterFacts, NodeRoom, QuotaUse
from pvdify.adapters.subprocess.command_runner import SubprocessRunner
from pvdify.installation.doctor import cluster
from pvdify.installation.doctor.cluster import Seen
from pvdify.installation.doctor.facts import Facts
from pvdify.installation.doctor.judgements import judge
from pvdify.installation.machine import Machine
from pvdify.settings import Settings, load
from pvdify.wire.answers import Check

MI, GI = 1024**2, 1024**3
NODE = NodeRoom(name="n1", is_ready=True, cpu=1.5, memory=3 * GI)
GOOD = ClusterFacts(
    version="v1.30.2", storage_classes={"fast": True}, nodes=(NODE,), quotas=(), service_address="10.0.0.1:443",
    unreachable="", clock_offset=0.4,
)  # fmt: skip
KUBERNETES = {"runtime": "kubernetes", "kubeconfig": "/etc/pvdify/kubeconfig"}


def settings(tmp_path: Path, **values: str) -> Settings:
    return load({**KUBERNETES, **values}, {}, tmp_path / "none.toml")


def found(tmp_path: Path, kubectl: str = "v1.30.0", **facts: object) -> dict[str, Check]:
    seen = Seen(settings=settings(tmp_path), cluster=replace(GOOD, **facts), kubectl=kubectl)  # type: ignore[arg-type]
    return {check.name: check for check in cluster.judge(seen)}


def test_a_good_cluster_has_no_problem(tmp_path: Path) -> None:
    checks = found(tmp_path)

    assert {check.state for check in checks.values()} == {"ok"}
    assert checks["nodes"].text == "1 of 1 ready; most room: n1, 3.0 GB and 1.5 CPUs"


@pytest.mark.parametrize(
    ("name", "facts", "state", "words", "repair"),
    [
        ("cluster", {"version": "v1.19.4"}, "broken", "older than 1.20", "upgrade the cluster"),
        ("rights", {"missing_rights": ("list nodes", "create pods/exec")}, "broken", "list nodes, create pods/exec",
         "kubectl apply -f packaging/kubernetes/rbac.yaml"),
        ("rights", {"missing_rights": ("get pods.metrics.k8s.io",)}, "warning", "for information only",
         "kubectl apply -f packaging/kubernetes/rbac.yaml"),
        ("storage class", {"storage_classes": {"slow": False}}, "warning", "no default class",
         "pvdify server install --set kubernetes_storage_class=slow"),
        ("storage class", {"storage_classes": None}, "warning", "not checked",
         "kubectl apply -f packaging/kubernetes/rbac.yaml"),
        ("nodes", {"nodes": ()}, "broken", "none of 0", "kubectl get nodes"),
        ("nodes", {"nodes": (replace(NODE, memory=200 * MI),)}, "warning", "too little",
         "add a node, or stop what runs there"),
        ("nodes", {"nodes": (NODE, replace(NODE, name="n2", is_ready=False))}, "warning", "not ready: n2",
         "kubectl describe node n2"),
        ("quota", {"quotas": (QuotaUse(namespace="app-shop", resource="pods", used="10", hard="10"),)}, "warning",
         "app-shop: pods 10 of 10", "raise `kubernetes_quota`, or scale these apps down"),
        ("services", {"unreachable": "no answer within 5 s"}, "broken", "10.0.0.1:443: no answer within 5 s",
         "run pvdifyd on a node of the cluster, or route the network of Services to one"),
        ("cluster clock", {"clock_offset": -61.0}, "warning", "61 s behind this machine's",
         "set both by time servers (timedatectl)"),
    ],
)  # fmt: skip
def test_each_problem_of_a_cluster_is_reported_with_its_repair(
    tmp_path: Path, name: str, facts: dict[str, object], state: str, words: str, repair: str
) -> None:
    check = found(tmp_path, **facts)[name]

    assert (check.state, check.next) == (state, repair)
    assert words in check.text


def test_a_kubectl_that_hangs_is_not_reported_as_missing(tmp_path: Path) -> None:
    seen = Seen(settings=settings(tmp_path), cluster=GOOD, kubectl="", kubectl_refusal="it hangs")

    check = cluster.kubectl(seen)

    assert (check.state, check.text) == ("broken", "it does not work: it hangs")


def test_a_version_of_an_own_build_is_not_judged(tmp_path: Path) -> None:
    assert found(tmp_path, version="v0.0.0-master+faecb19")["cluster"].state == "ok"


@pytest.mark.parametrize(
    ("kubectl", "state"),
    [("", "broken"), ("v1.29.0", "ok"), ("v1.31.7+k3s1", "ok"), ("v1.28.9", "warning"), ("v2.30.0", "warning")],
)
def test_kubectl_may_differ_by_one_minor_version(tmp_path: Path, kubectl: str, state: str) -> None:
    assert found(tmp_path, kubectl)["kubectl"].state == state


def test_a_storage_class_that_does_not_exist_is_broken(tmp_path: Path) -> None:
    wanted = settings(tmp_path, kubernetes_storage_class="gold")

    check = cluster.storage(Seen(settings=wanted, cluster=GOOD, kubectl=""))

    assert (check.state, check.text) == ("broken", "the cluster has no class gold, only: fast")


def test_a_server_without_a_cluster_is_not_checked_for_one(tmp_path: Path) -> None:
    here = load({"runtime": "podman"}, {}, tmp_path / "none.toml")

    assert cluster.checks(here, Machine(runner=SubprocessRunner())) == ()


@pytest.mark.parametrize(("runtime", "state"), [("kubernetes", "broken"), ("podman", "warning")])
def test_a_cluster_that_does_not_answer_is_broken_only_if_apps_run_there(
    tmp_path: Path, runtime: str, state: str
) -> None:
    wanted = settings(tmp_path, runtime=runtime, kubeconfig=str(tmp_path / "missing"))

    checks = cluster.checks(wanted, Machine(runner=SubprocessRunner()))

    assert [(check.name, check.state) for check in checks] == [("cluster", state)]
    assert "kubeconfig" in checks[0].next


def test_podman_is_not_needed_if_all_instances_run_on_a_cluster(tmp_path: Path) -> None:
    names = {check.name for check in judge(Facts(settings=settings(tmp_path)))}

    assert names.isdisjoint({"podman", "skopeo", "containers", "networks", "open files", "init"})
    assert {"systemd", "haproxy", "disk"} <= names
