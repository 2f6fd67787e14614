"""A runtime with its own namespaces for tests on a real cluster, removed afterwards."""

import asyncio
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pvdify.adapters.clock.clock import SystemClock
from pvdify.adapters.httpx2.web import HttpxWeb
from pvdify.adapters.subprocess.command_runner import SubprocessRunner
from pvdify.daemon.cluster_runtime import ClusterParts, build_on_cluster
from pvdify.daemon.runtime_inputs import RuntimeInputs
from pvdify.model.image_reference import parse_image_reference
from pvdify.ports.runtime import Runtime
from pvdify.settings import load
from tests.support.cluster import Cluster


@dataclass
class ClusterServer:
    """One server's share of the cluster."""

    cluster: Cluster
    inputs: RuntimeInputs
    web: HttpxWeb = field(default_factory=HttpxWeb)
    parts: list[ClusterParts] = field(default_factory=list)

    @property
    def prefix(self) -> str:
        return self.inputs.settings.kubernetes_namespace_prefix

    def runtime(self) -> Runtime:
        """A new one each time, as after a restart of the daemon; the one before must be closed."""
        self.parts.append(ClusterParts(self.inputs))
        return build_on_cluster(self.inputs, self.web, self.parts[-1])

    async def close(self) -> None:
        """End what the runtimes do in the background."""
        while self.parts:
            await self.parts.pop().close()
        await self.web.close()
        self.web = HttpxWeb()

    def push(self, **image: object) -> str:
        """The id of a pushed image of busybox."""
        return str(parse_image_reference(self.cluster.push_image(**image)))


@contextmanager
def cluster_server(cluster: Cluster, directory: Path, **settings: str) -> Iterator[ClusterServer]:
    """A server whose namespaces are gone afterwards."""
    wanted = {
        "runtime": "kubernetes", "data_dir": str(directory / "data"), "kubeconfig": str(cluster.kubeconfig),
        "kubernetes_namespace_prefix": f"t{uuid.uuid4().hex[:6]}-", "kubernetes_volume_size": "16M",
    }  # fmt: skip
    inputs = RuntimeInputs(
        settings=load(wanted | settings, {}, directory / "none.toml"), runner=SubprocessRunner(), clock=SystemClock()
    )  # fmt: skip
    server = ClusterServer(cluster, inputs)
    try:
        yield server
    finally:
        with ThreadPoolExecutor(1) as pool:  # the test's own thread may have a loop that runs
            pool.submit(asyncio.run, _clear(server)).result()


async def _clear(server: ClusterServer) -> None:
    parts = ClusterParts(server.inputs)
    try:
        for app in await parts.namespaces.apps():
            await parts.namespaces.delete(app)
    finally:
        await parts.close()
