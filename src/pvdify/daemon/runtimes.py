"""The container runtimes: one table from the setting ``runtime`` to a bundle of adapters."""

from collections.abc import Callable, Mapping

from pvdify.adapters.beside_cluster.options import MachineAndCluster
from pvdify.adapters.files.tunnel_token import TunnelTokenFile
from pvdify.adapters.files.whole_file import write_whole
from pvdify.adapters.host.host import LinuxHost
from pvdify.adapters.host.places import LoopbackPorts
from pvdify.adapters.podman.attached.inside import PodmanInside
from pvdify.adapters.podman.attached.one_offs import PodmanOneOffs
from pvdify.adapters.podman.calls import Calls
from pvdify.adapters.podman.images.images import PodmanImages
from pvdify.adapters.podman.images.local_hosts import HostGate
from pvdify.adapters.podman.images.registry_api import RegistryApi
from pvdify.adapters.podman.images.registry_logins import AuthFile, PodmanRegistryLogins
from pvdify.adapters.podman.instances.inspector import PodmanInspector
from pvdify.adapters.podman.instances.instances import PodmanInstances
from pvdify.adapters.podman.instances.storage_changes import StorageChanges
from pvdify.adapters.podman.logs.instance_logs import PodmanKeptOutput, PodmanLogs
from pvdify.adapters.podman.logs.last_lines import LastLines
from pvdify.adapters.podman.logs.logs import LogFiles
from pvdify.adapters.podman.networks.private_networks import PodmanPrivateNetworks
from pvdify.adapters.podman.storage_conf import container_storage
from pvdify.adapters.podman.users.ranges import FILE, UserBlocks
from pvdify.adapters.podman.volumes.disk_meter import PodmanDiskMeter
from pvdify.adapters.subprocess.attached import attach
from pvdify.adapters.systemd.beside_podman import PODMAN, SYSTEMD, InstancesBesidePodman, PodmanOrSystemd
from pvdify.adapters.systemd.cloudflared import CloudflaredUnit, unit_of
from pvdify.adapters.systemd.instance_logs import SystemdLogs
from pvdify.adapters.systemd.instances import SystemdInstances
from pvdify.adapters.systemd.journal import Journal
from pvdify.adapters.systemd.logs_beside_podman import LogsBesidePodman
from pvdify.adapters.systemd.own_unit import is_in_service
from pvdify.adapters.systemd.systemctl import Systemctl
from pvdify.adapters.systemd.units import Units
from pvdify.daemon.runtime_inputs import RuntimeInputs
from pvdify.model.runtime_choice import CLUSTER
from pvdify.ports.edge import TunnelProcess
from pvdify.ports.host import Host
from pvdify.ports.instance_logs import InstanceLogs
from pvdify.ports.instances import Instances
from pvdify.ports.runtime import Runtime
from pvdify.ports.runtime_options import RuntimeOptions
from pvdify.settings import Settings


def build_runtime(inputs: RuntimeInputs) -> Runtime:
    """Build the runtime that the settings name."""
    return RUNTIMES[inputs.settings.runtime](inputs)


def build_host(settings: Settings) -> Host:
    """Build the view of this machine, whose memory counts only if the instances run on it."""
    host = LinuxHost(settings.data_dir, container_storage=container_storage())
    if settings.runtime != CLUSTER:
        return host
    from pvdify.adapters.kubernetes.host import HostBesideCluster

    return HostBesideCluster(host)


def build_options(inputs: RuntimeInputs) -> RuntimeOptions:
    """Build the runtimes to which the apps of this server can move."""
    settings, ask = inputs.settings, None
    if settings.kubeconfig and settings.runtime != CLUSTER:
        from pvdify.daemon.beside_cluster import question

        ask = question(inputs)
    return MachineAndCluster(local=PodmanOrSystemd(), setting=settings.runtime, ask=ask)


def _podman(inputs: RuntimeInputs) -> Runtime:
    """Build the runtime of detached containers, with their logs in files."""
    return _with_cluster(inputs, _on_podman(inputs, PODMAN, TunnelTokenFile(inputs.settings.data_dir)))


def _systemd(inputs: RuntimeInputs) -> Runtime:
    """Build the runtime of one unit per instance, with logs in the journal. podman creates the containers."""
    local = _on_podman(inputs, SYSTEMD, _cloudflared(inputs.settings, Systemctl(runner=inputs.runner)))
    return _with_cluster(inputs, local)


def _with_cluster(inputs: RuntimeInputs, local: Runtime) -> Runtime:
    """Return the runtime with the cluster of the setting ``kubeconfig`` beside this machine, if there is one."""
    if not inputs.settings.kubeconfig:
        return local
    from pvdify.daemon.beside_cluster import build_beside_cluster

    return build_beside_cluster(inputs, local)


def _kubernetes(inputs: RuntimeInputs) -> Runtime:
    """Build the runtime of a cluster. The modules are imported only here, as a server on one machine needs none."""
    from pvdify.adapters.httpx2.web import HttpxWeb
    from pvdify.daemon.cluster_runtime import build_on_cluster

    return build_on_cluster(inputs, inputs.web or HttpxWeb())


RUNTIMES: Mapping[str, Callable[[RuntimeInputs], Runtime]] = {
    "podman": _podman, "systemd": _systemd, "kubernetes": _kubernetes,
}  # fmt: skip


def _on_podman(inputs: RuntimeInputs, default: str, tunnel_process: TunnelProcess) -> Runtime:
    """Build a runtime whose new instances are containers or units (``default``); existing ones keep their kind."""
    settings, runner, calls = inputs.settings, inputs.runner, _calls(inputs)
    auth_file = AuthFile(settings.run_dir / "registries" / "auth.json")
    instances, logs = _instances(inputs, calls, default)
    return Runtime(
        instances=instances,
        logs=logs,
        networks=calls.networks,
        places=LoopbackPorts(settings.ports),
        inspector=PodmanInspector(calls=calls, run_dir=inputs.run_dir),
        images=PodmanImages(
            runner=runner,
            server_id=settings.server_id,
            binary=settings.podman_binary,
            skopeo=settings.skopeo_binary,
            auth_file=auth_file,
            gate=HostGate(settings.allow_registries),
            registry=RegistryApi(inputs.web) if inputs.web else None,
            clock=inputs.clock,
        ),
        volumes=calls.volumes,
        disk_meter=PodmanDiskMeter(calls=calls, log_dir=inputs.log_dir),
        private_networks=PodmanPrivateNetworks(calls=calls),
        registry_logins=PodmanRegistryLogins(runner=runner, auth_file=auth_file, binary=settings.podman_binary),
        one_offs=PodmanOneOffs(calls=calls, attach=attach, run_dir=inputs.run_dir),
        inside=PodmanInside(calls=calls, attach=attach, run_dir=inputs.run_dir),
        tunnel_process=tunnel_process,
        container_changes=StorageChanges(calls=calls, run_dir=inputs.run_dir, clock=inputs.clock),
    )


def _instances(inputs: RuntimeInputs, calls: Calls, default: str) -> tuple[Instances, InstanceLogs]:
    """Build instances that are detached containers or units, as their specs say, and their logs."""
    run_dir, log_dir, clock, server = inputs.run_dir, inputs.log_dir, inputs.clock, inputs.settings.server_id
    systemctl, kept = Systemctl(runner=inputs.runner), PodmanKeptOutput(run_dir=run_dir, clock=clock)
    files = LogFiles(log_dir, clock, instances=run_dir / "instances")
    journal = Journal(
        runner=inputs.runner, systemctl=systemctl, server_id=server, log_dir=log_dir, ends=LastLines(run_dir=run_dir),
        clock=clock,
    )  # fmt: skip
    units = Units(server_id=server, run_dir=run_dir, database=inputs.database)
    podman = PodmanInstances(calls=calls, run_dir=run_dir, logs=files, clock=clock)
    systemd = SystemdInstances(
        containers=podman, systemctl=systemctl, units=units, logs=SystemdLogs(journal, kept), run_dir=run_dir,
        server_id=server,
    )  # fmt: skip
    return (
        InstancesBesidePodman(podman=podman, systemd=systemd, units=units, default=default),
        LogsBesidePodman(
            podman=PodmanLogs(files, kept),
            journal=journal,
            is_in_journal=lambda name: units.has(name) and not kept.keeps_output(name),
        ),
    )


def _calls(inputs: RuntimeInputs) -> Calls:
    settings = inputs.settings
    return Calls(
        runner=inputs.runner, server_id=settings.server_id, launcher_dir=inputs.log_dir,
        binary=settings.podman_binary, database=inputs.database,
        allows_metadata=settings.metadata_services == "allowed", is_in_unit=is_in_service(),
        users=_users(settings), storage=inputs.layers.options,
    )  # fmt: skip


def _users(settings: Settings) -> UserBlocks | None:
    """Return the users that containers are; None if they have no user namespaces."""
    if settings.user_namespaces == "off":
        return None
    return UserBlocks(file=settings.data_dir / FILE, blocks=settings.user_ids, write_whole=write_whole)


def _cloudflared(settings: Settings, systemctl: Systemctl) -> CloudflaredUnit:
    return CloudflaredUnit(
        systemctl=systemctl,
        name=unit_of(settings),
        data_dir=settings.data_dir,
        binary=settings.cloudflared_binary,
        metrics=settings.cloudflared_metrics,
    )
