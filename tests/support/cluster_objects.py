"""Objects of Kubernetes for tests of the cluster itself, and what they look like once they run."""

import json
import time
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from tests.support.cluster import Cluster
from tools.cluster.cluster import ClusterFailed

T = TypeVar("T")
PATIENCE = 90
SERVER = "busybox hostname > /www/index.html; exec httpd -f -p 8080 -h /www"
HURRY = [
    {"key": f"node.kubernetes.io/{state}", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 5}
    for state in ("not-ready", "unreachable")
]


def eventually(ask: Callable[[], T], seconds: float = PATIENCE) -> T:
    """Ask until the answer is true; what the API or a service refuses counts as no answer."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            answer, problem = ask(), "the answer stays false"
        except (ClusterFailed, OSError, KeyError) as error:
            answer, problem = None, str(error)
        if answer:
            return answer
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {problem}"
        time.sleep(0.2)


def deployment(namespace: str, image: str, *, replicas: int = 2, command: str = SERVER) -> Mapping[str, object]:
    """Pods on different workers that leave a lost one after 5 s."""
    labels = {"app": "web"}
    spread = {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": labels},
    }
    container = {
        "name": "main",
        "image": image,
        "command": ["sh", "-c", command],
        "readinessProbe": {"tcpSocket": {"port": 8080}, "periodSeconds": 1},
    }
    spec = {
        "containers": [container],
        "tolerations": HURRY,
        "topologySpreadConstraints": [spread],
        "terminationGracePeriodSeconds": 1,
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": namespace},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    }


def service(namespace: str) -> Mapping[str, object]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web", "namespace": namespace},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 8080}]},
    }


def pod(
    namespace: str, image: str, command: str, *, name: str = "one", claim: str = "", **more: object
) -> Mapping[str, object]:
    """A pod that runs a shell command; ``claim``: what it has as /data. ``more`` goes into its spec."""
    limits = more.pop("resources", {})
    container: dict[str, object] = {
        "name": "main", "image": image, "command": ["sh", "-c", command], "resources": limits,
    }  # fmt: skip
    spec: dict[str, object] = {"containers": [container], "terminationGracePeriodSeconds": 1, **more}
    if claim:
        container["volumeMounts"] = [{"name": "data", "mountPath": "/data"}]
        spec["volumes"] = [{"name": "data", "persistentVolumeClaim": {"claimName": claim}}]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": namespace}, "spec": spec}


def claim(namespace: str, storage_class: str | None = None) -> Mapping[str, object]:
    """A claim called data, of the default class unless another is named."""
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data", "namespace": namespace},
        "spec": spec if storage_class is None else {**spec, "storageClassName": storage_class},
    }


class Seen:
    """What the API says about the objects of one namespace."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self._cluster, self._namespace = cluster, namespace

    def get(self, *what: str) -> Any:
        return json.loads(self._cluster.kubectl("get", "--namespace", self._namespace, "--output=json", *what))

    def log(self, pod: str) -> str:
        return self._cluster.kubectl("logs", "--namespace", self._namespace, pod)

    def exec(self, pod: str, command: str) -> str:
        return self._cluster.kubectl("exec", "--namespace", self._namespace, pod, "--", "sh", "-c", command)

    def phase(self, pod: str) -> str:
        return str(self.get("pod", pod)["status"]["phase"])

    def reason(self, pod: str) -> str:
        """Why its container waits; empty if it does not."""
        statuses = self.get("pod", pod)["status"].get("containerStatuses", [])
        return next((each["state"].get("waiting", {}).get("reason", "") for each in statuses), "")

    def ready_pods(self) -> dict[str, str]:
        """Pod -> worker, of those that are Ready and not about to end."""
        return {
            each["metadata"]["name"]: each["spec"]["nodeName"]
            for each in self.get("pods")["items"]
            if "deletionTimestamp" not in each["metadata"] and _is_ready(each)
        }

    def wait_for_deployment(self, replicas: int = 2) -> None:
        eventually(lambda: self.get("deployment", "web")["status"].get("readyReplicas") == replicas)

    def endpoints(self) -> set[str]:
        """The addresses behind the service."""
        subsets = self.get("endpoints", "web").get("subsets", [])
        return {each["ip"] for subset in subsets for each in subset.get("addresses", [])}

    def address(self) -> str:
        """Of the service, with its port."""
        return f"{self.get('service', 'web')['spec']['clusterIP']}:8080"


def _is_ready(pod: Mapping[str, Any]) -> bool:
    return any(each["type"] == "Ready" and each["status"] == "True" for each in pod["status"].get("conditions", ()))


def answer(address: str, seconds: float = 5) -> str:
    """What a server answers to GET /, on a connection of its own."""
    with urllib.request.urlopen(f"http://{address}/", timeout=seconds) as answered:
        return str(answered.read().decode().strip())
