"""A whole server whose instances run on the cluster: pvdifyd and its router are in the cluster's outside network."""

import random
import shutil
import tempfile
from pathlib import Path

from tests.e2e.trial import Trial
from tests.support.cluster import Cluster
from tools.demo import stage as stages
from tools.demo.stage import Stage
from tools.loopback_registry import LoopbackRegistry


class ClusterTrial(Trial):
    """Use as a context manager in the outside network; everything it made is gone afterwards."""

    def __init__(self, cluster: Cluster, *settings: str) -> None:
        first = random.randrange(12000, 20000)
        self.cluster = cluster
        self.prefix = f"e{random.randrange(16**6):06x}-"
        self.stage = Stage(
            directory=tempfile.mkdtemp(prefix="pvdify-cluster-", dir="/var/tmp"), registry_port=first,
            api_port=first + 1, router_port=first + 2, first_instance_port=first + 3, base_was_there=True,
        )  # fmt: skip
        self._settings = (
            "--runtime", "kubernetes", "--kubeconfig", str(cluster.kubeconfig),
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

    def namespaces(self) -> list[str]:
        """The namespaces of this server's apps, also those that are being deleted."""
        listed = self.cluster.kubectl("get", "namespaces", "--output=name").split()
        names = (name.removeprefix("namespace/") for name in listed)
        return [name for name in names if name.startswith(self.prefix)]
