"""The contract of transfers on a real cluster, with podman as the other side."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pvdify.adapters.beside_cluster.transfers import TransfersBesideCluster
from pvdify.adapters.kubernetes.volume_copies import ClusterVolumeCopies
from pvdify.adapters.podman.volumes.volume_copies import PodmanVolumeCopies
from pvdify.daemon.cluster_runtime import ClusterParts, build_cluster_copies
from pvdify.errors import BackupFailed
from pvdify.model.runtime_choice import CLUSTER
from tests.contract import test_volume_transfers
from tests.kubernetes.worlds import suite
from tests.support.cluster import Cluster
from tests.support.cluster_runtime import cluster_server
from tests.support.images import missing_for_podman
from tests.support.podman import podman_server

pytestmark = [
    pytest.mark.kubernetes, pytest.mark.podman, pytest.mark.timeout(600),
    pytest.mark.skipif(missing_for_podman() is not None, reason=str(missing_for_podman())),
]  # fmt: skip
globals().update(suite(test_volume_transfers))


@dataclass
class RealWorld:
    transfers: TransfersBesideCluster
    files: PodmanVolumeCopies
    copies: ClusterVolumeCopies
    scratch: Path

    async def make(self, id: str, runtime: str, text: str) -> None:
        (content := self.scratch / f"made-{id}").mkdir()
        (content / "file").write_text(text)
        await (self.copies if runtime == CLUSTER else self.files).copy_in("shop", id, content)

    async def read(self, id: str, runtime: str) -> str:
        (out := self.scratch / f"read-{id}").mkdir(exist_ok=True)
        try:
            await (self.copies if runtime == CLUSTER else self.files).copy_out(id, out, while_frozen=None)
        except BackupFailed:
            return ""
        return (out / "file").read_text()


@pytest.fixture
async def world(cluster: Cluster, tmp_path: Path) -> AsyncIterator[RealWorld]:
    helper = cluster.push_image(content="helper")
    with podman_server(tmp_path) as machine, cluster_server(cluster, tmp_path, kubernetes_helper_image=helper) as made:
        calls, parts = machine.calls(), ClusterParts(made.inputs)
        files = PodmanVolumeCopies(
            run=calls.run, server_id=machine.server_id, binary="podman", mark=tmp_path / "paused"
        )  # fmt: skip
        copies = build_cluster_copies(made.inputs, parts)

        async def is_used() -> bool:
            return True

        transfers = TransfersBesideCluster(
            files=files, copies=copies, local=calls.volumes, cluster=parts.volumes, is_used=is_used
        )
        yield RealWorld(transfers, files, copies, tmp_path)
        await parts.close()
