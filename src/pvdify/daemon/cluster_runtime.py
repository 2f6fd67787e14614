"""The runtime ``kubernetes``: its adapters, and what they share with those of one machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pvdify.adapters.files.tunnel_token import TunnelTokenFile
from pvdify.adapters.files.whole_file import write_whole
from pvdify.adapters.kubernetes.cluster import Cluster
from pvdify.adapters.kubernetes.collector import Collector
from pvdify.adapters.kubernetes.disk_meter import ClusterDiskMeter
from pvdify.adapters.kubernetes.helper_pods import HelperPods
from pvdify.adapters.kubernetes.image_files import ImageFiles
from pvdify.adapters.kubernetes.images import ClusterImages
from pvdify.adapters.kubernetes.inside import ClusterInside
from pvdify.adapters.kubernetes.inspector import ClusterInspector
from pvdify.adapters.kubernetes.instances import ClusterInstances
from pvdify.adapters.kubernetes.kubectl import Kubectl
from pvdify.adapters.kubernetes.manifests import Storage
from pvdify.adapters.kubernetes.names import Identity, Scope
from pvdify.adapters.kubernetes.namespaces import NamespaceRules, Namespaces
from pvdify.adapters.kubernetes.one_offs import ClusterOneOffs
from pvdify.adapters.kubernetes.places import ServiceAddresses
from pvdify.adapters.kubernetes.prerequisites import Prerequisites
from pvdify.adapters.kubernetes.private_networks import ClusterPrivateNetworks
from pvdify.adapters.kubernetes.registry_logins import ClusterRegistryLogins, PullLogins
from pvdify.adapters.kubernetes.volume_copies import ClusterVolumeCopies
from pvdify.adapters.kubernetes.volumes import ClusterVolumes
from pvdify.adapters.kubernetes.watch import Watch
from pvdify.adapters.podman.images.local_hosts import HostGate
from pvdify.adapters.podman.images.registry_api import RegistryApi
from pvdify.adapters.podman.images.registry_content import HttpRegistryContent
from pvdify.adapters.podman.images.registry_logins import AuthFile
from pvdify.adapters.podman.instances.instance_dir import InstanceDir
from pvdify.adapters.podman.logs.instance_logs import PodmanKeptOutput, PodmanLogs
from pvdify.adapters.podman.logs.logs import LogFiles
from pvdify.adapters.subprocess.attached import attach
from pvdify.ports.runtime import Runtime

if TYPE_CHECKING:
    from pvdify.daemon.runtime_inputs import RuntimeInputs
    from pvdify.plumbing.web import Web


class ClusterParts:
    """The parts that the adapters share. ``close`` ends the watch and the following of logs."""

    def __init__(self, inputs: RuntimeInputs, cluster: Cluster | None = None) -> None:
        settings, clock = inputs.settings, inputs.clock
        self.scope = Scope(server=settings.server_id, prefix=settings.kubernetes_namespace_prefix)
        self.cluster = cluster or Cluster(kubeconfig=settings.kubeconfig, clock=clock)
        self.files = LogFiles(inputs.log_dir, clock, instances=inputs.run_dir / "instances")
        self.instance_dirs = inputs.run_dir / "instances"
        self.collector = Collector(cluster=self.cluster, scope=self.scope, clock=clock, file_of=self._file_of)
        self.watch = Watch(cluster=self.cluster, scope=self.scope, clock=clock, on_pod=self.collector.see)
        self.kubectl = Kubectl(binary=settings.kubectl_binary, kubeconfig=settings.kubeconfig, attach=attach)
        self.storage = Storage(
            storage_class=settings.kubernetes_storage_class, size=settings.kubernetes_volume_size
        )  # fmt: skip
        rules = NamespaceRules(
            quota=settings.kubernetes_quota, router=settings.kubernetes_router_networks,
            allows_metadata=settings.metadata_services == "allowed",
        )  # fmt: skip
        self.namespaces = Namespaces(cluster=self.cluster, scope=self.scope, clock=clock, rules=rules)
        self.networks = ClusterPrivateNetworks(
            cluster=self.cluster, scope=self.scope, namespaces=self.namespaces, watch=self.watch
        )  # fmt: skip
        self.volumes = ClusterVolumes(
            cluster=self.cluster, scope=self.scope, clock=clock, namespaces=self.namespaces, storage=self.storage,
            helper_image=settings.kubernetes_helper_image,
        )  # fmt: skip
        self.pulls, self.image_files = PullLogins(), ImageFiles(settings.data_dir / "cluster", write_whole)
        self.prerequisites = Prerequisites(
            cluster=self.cluster, scope=self.scope, namespaces=self.namespaces, networks=self.networks,
            storage=self.storage, logins=lambda app: self.pulls.of(inputs.former_names.current(app)),
            user_of=self.image_files.user,
        )  # fmt: skip

    async def close(self) -> None:
        """End everything that runs in the background."""
        await self.watch.close()
        await self.collector.close()
        await self.cluster.close()

    async def forget_output(self, name: str) -> None:
        """Remove the output of a container that ran once."""
        InstanceDir(self.instance_dirs / name).remove()

    def _file_of(self, identity: Identity) -> Path:
        """Return the file of an instance's lines: on disk, but for what runs once on tmpfs. Raises OSError."""
        if identity.role.is_kept_running:
            return self.files.make_room(identity.app, identity.name)
        file = InstanceDir(self.instance_dirs / identity.name).output_file
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return file


def build_on_cluster(inputs: RuntimeInputs, web: Web, parts: ClusterParts | None = None) -> Runtime:
    """Build the runtime of a Kubernetes cluster. Asks nothing of the cluster yet."""
    settings, clock, parts = inputs.settings, inputs.clock, parts or ClusterParts(inputs)
    cluster, scope, watch, kubectl = parts.cluster, parts.scope, parts.watch, parts.kubectl
    auth_file = AuthFile(settings.run_dir / "registries" / "auth.json")
    content = HttpRegistryContent(
        api=RegistryApi(web), auth_file=auth_file, gate=HostGate(settings.allow_registries), clock=clock
    )
    images = ClusterImages(cluster=cluster, scope=scope, files=parts.image_files, content=content)
    volumes = parts.volumes
    return Runtime(
        instances=ClusterInstances(
            cluster=cluster, scope=scope, clock=clock, prerequisites=parts.prerequisites, watch=watch,
            collector=parts.collector, forget_output=parts.forget_output,
        ),
        logs=PodmanLogs(parts.files, PodmanKeptOutput(run_dir=inputs.run_dir, clock=clock)),
        networks=parts.namespaces,
        places=ServiceAddresses(cluster=cluster, scope=scope, namespaces=parts.namespaces),
        inspector=ClusterInspector(cluster=cluster, scope=scope, watch=watch, kubectl=kubectl),
        images=images,
        volumes=volumes,
        disk_meter=ClusterDiskMeter(volumes=volumes, log_dir=inputs.log_dir),
        private_networks=parts.networks,
        registry_logins=ClusterRegistryLogins(
            content=content, file=auth_file, pulls=parts.pulls, renew=parts.prerequisites.renew_logins
        ),
        one_offs=ClusterOneOffs(
            cluster=cluster, scope=scope, clock=clock, prerequisites=parts.prerequisites, watch=watch, kubectl=kubectl,
            images=images,
        ),
        inside=ClusterInside(scope=scope, watch=watch, kubectl=kubectl),
        tunnel_process=TunnelTokenFile(settings.data_dir),
        container_changes=watch,
    )  # fmt: skip


def build_cluster_copies(inputs: RuntimeInputs, parts: ClusterParts) -> ClusterVolumeCopies:
    """Build the copier of volumes in the cluster. Asks nothing of the cluster yet."""
    helpers = HelperPods(
        cluster=parts.cluster, scope=parts.scope, clock=inputs.clock, image=inputs.settings.kubernetes_helper_image
    )  # fmt: skip
    return ClusterVolumeCopies(
        cluster=parts.cluster, scope=parts.scope, namespaces=parts.namespaces, volumes=parts.volumes,
        storage=parts.storage, helpers=helpers, kubectl=parts.kubectl, runner=inputs.runner,
    )  # fmt: skip
