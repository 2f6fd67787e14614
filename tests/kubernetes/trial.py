"""A whole server whose instances run on the cluster: pvdifyd and its router are in the cluster's outside network.

pvdifyd has the account of ``packaging/kubernetes/rbac.yaml``, so every right that it lacks there fails a test.
"""

import base64
import json
import random
import shutil
import subprocess
import tempfile
import threading
from pathlib import Path

import yaml

from pvdify.adapters.kubernetes.names import Identity
from tests.e2e.trial import Trial
from tests.support.cluster import Cluster
from tests.support.leftovers import records_of
from tests.support.waiting import wait_until
from tools.demo import stage as stages
from tools.demo.stage import Stage
from tools.loopback_registry import LoopbackRegistry

LISTINGS = (
    ("ps", "--all", "--format", "{{.Names}} {{.Labels}}"), ("network", "ls", "--format", "{{.Name}} {{.Labels}}"),
    ("volume", "ls", "--format", "{{.Name}} {{.Labels}}"), ("images", "--format", "{{.Repository}}:{{.Tag}}"),
)  # fmt: skip
RIGHTS = Path(__file__).parents[2] / "packaging" / "kubernetes" / "rbac.yaml"
_APPLYING = threading.Lock()  # kubectl fails if another one makes the same object


class ClusterTrial(Trial):
    """Use as a context manager in the outside network; everything it made is gone afterwards.

    ``runtime``: the setting of the server, which knows the cluster with any.
    """

    def __init__(self, cluster: Cluster, *settings: str, runtime: str = "kubernetes") -> None:
        first = random.randrange(12000, 20000)
        self.cluster, self.runtime = cluster, runtime
        self.prefix = f"e{random.randrange(16**6):06x}-"
        self.stage = Stage(
            directory=tempfile.mkdtemp(prefix="pvdify-cluster-", dir="/var/tmp"), registry_port=first,
            api_port=first + 1, router_port=first + 2, first_instance_port=first + 3, base_was_there=True,
        )  # fmt: skip
        self._settings = (
            "--runtime", runtime, "--kubeconfig", str(kubeconfig(cluster, Path(self.stage.directory))),
            "--kubernetes-namespace-prefix", self.prefix, "--allow-registries", cluster.registry, *settings,
        )  # fmt: skip
        self.process = None
        self.registry = LoopbackRegistry(Path(self.stage.directory) / "registry", first)

    def __enter__(self) -> "ClusterTrial":
        return self

    def __exit__(self, *_: object) -> None:
        if self.process is not None:
            self.stop()
        for program in stages.OURS:
            stages._stop(self.stage.directory, program)
        for name in self.namespaces():
            self.cluster.kubectl("delete", "namespace", name, "--wait=false")
        shutil.rmtree(Path("/run/pvdify") / stages.server_id(self.stage), ignore_errors=True)
        shutil.rmtree(self.stage.directory, ignore_errors=True)

    def containers(self) -> dict[str, str]:
        """Instance -> state of its container, or how many replicas its Deployment has, for all of this server."""
        return (super().containers() if self.runtime == "podman" else {}) | self.deployments()

    def deployments(self) -> dict[str, str]:
        """Instance -> how many replicas its Deployment has, for every Deployment of this server."""
        listed = json.loads(self.cluster.kubectl("get", "deployments", "--all-namespaces", "--output=json"))["items"]
        ours = (it for it in listed if it["metadata"]["namespace"].startswith(self.prefix))
        found = ((Identity.read(it["metadata"]), it["spec"]["replicas"]) for it in ours)
        return {identity.name: str(replicas) for identity, replicas in found if identity}

    def left_of(self, app: str) -> list[str]:
        """What names the app on record, in the cluster or in podman, except events."""
        run_dir = Path("/run/pvdify") / self._server_id()
        found = records_of(app, data_dir=self.stage.data_dir, run_dir=run_dir)
        found += [name for name in self.namespaces() if name.startswith(f"{self.prefix}{app}")]
        volumes = json.loads(self.cluster.kubectl("get", "persistentvolumes", "--output=json"))["items"]
        claims = (each["spec"].get("claimRef") or {} for each in volumes)
        found += [f"volume: {it}" for it in claims if str(it.get("namespace")).startswith(f"{self.prefix}{app}")]
        if self.runtime == "podman":
            lines = (f"{' '.join(listing)}: {line}" for listing in LISTINGS for line in podman(*listing).splitlines())
            found += [line for line in lines if app in line]
        return found

    def namespaces(self) -> list[str]:
        """The namespaces of this server's apps, also those that are being deleted."""
        listed = self.cluster.kubectl("get", "namespaces", "--output=name").split()
        names = (name.removeprefix("namespace/") for name in listed)
        return [name for name in names if name.startswith(self.prefix)]


def podman(*listing: str) -> str:
    """What a listing of podman says, one line for each thing. A listing fails if a thing goes meanwhile."""
    for _ in range(stages.PODMAN_ATTEMPTS):
        done = subprocess.run(("podman", *listing), check=False, capture_output=True, text=True)
        if done.returncode == 0:
            return done.stdout
    raise AssertionError(f"podman {' '.join(listing)}: {done.stderr}")


def kubeconfig(cluster: Cluster, directory: Path) -> Path:
    """Apply the rights of the package, and return a kubeconfig of the account that has them."""

    def token() -> str:
        wanted = "--output=jsonpath={.data.token}"
        return cluster.kubectl("get", "secret", "pvdifyd-token", "--namespace=pvdify", wanted)

    with _APPLYING:
        cluster.kubectl("apply", f"--filename={RIGHTS}")
    wait_until(token, "the account has no token")
    content = yaml.safe_load(cluster.kubeconfig.read_text())
    for user in content["users"]:
        user["user"] = {"token": base64.b64decode(token()).decode()}
    file = directory / "kubeconfig"
    file.write_text(yaml.safe_dump(content))
    return file
