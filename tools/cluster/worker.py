"""A worker: a "machine" with a root, processes, a network and a hostname of its own, and the kernel of this machine.

Its folder has ``disk``, which is its /var and survives a power cut, ``config``, and ``root``, where its root is put
together in its own mount namespace. Nothing of this is mounted for any process outside of it.
"""

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from tools.cluster.credentials import Credentials
from tools.cluster.images import PAUSE
from tools.cluster.layout import Layout, Node
from tools.cluster.network import Network
from tools.cluster.processes import Processes
from tools.cluster.programs import Programs

CGROUPS = Path("/sys/fs/cgroup")
BOOT = Path(__file__).with_name("boot.sh")
# Inside the worker. The plugins of CNI and runc are those of this machine.
CONFIG, PROGRAMS, VOLUMES = "/opt/worker", "/opt/kubernetes", "/opt/volumes"
CONTAINERD_SOCKET = "/run/containerd/containerd.sock"
CNI_PLUGINS = Path("/usr/lib/cni")


class Worker:
    """One worker: is switched on, and off by a power cut."""

    def __init__(self, layout: Layout, node: Node, programs: Programs, processes: Processes, network: Network) -> None:
        self._layout, self._node = layout, node
        self._programs, self._processes, self._network = programs, processes, network
        self._folder = layout.node_folder(node)

    def power_on(self) -> None:
        """Boot it. Its network is new, its disk is that of the last time."""
        self._network.connect(self._node)
        make_cgroups(self._layout.cgroup(self._node))
        for name in ("disk", "root", "config"):
            (self._folder / name).mkdir(parents=True, exist_ok=True)
        self._write_config()
        self._processes.start(
            self._node.name, self._node.name,
            "unshare", "--mount", "--pid", "--uts", "--ipc", "--fork", "--kill-child", "sh", str(BOOT),
            str(self._folder), str(self._programs.bin), str(self._layout.folder / "volumes"), self._node.name,
            self._node.address, self._layout.cgroup(self._node),
        )  # fmt: skip

    def cut_power(self) -> None:
        """End everything in it at once; what is sent to it is lost, not refused."""
        self._network.disconnect(self._node)
        self._processes.end(self._node.name, self._node.name)

    def _write_config(self) -> None:
        config = self._folder / "config"
        node = self._node
        (config / "containerd.toml").write_text(CONTAINERD, encoding="utf-8")
        (config / "cni").mkdir(exist_ok=True)
        _write_json(config / "cni" / "10-pods.conflist", pod_network(node))
        _write_json(config / "kubelet.json", kubelet(self._layout.cgroup(node)))
        _write_json(config / "proxy.json", proxy(node.name, node.address, f"{CONFIG}/proxy.conf"))
        # A worker has no name server: a lookup fails at once instead of after 20 s.
        (config / "resolv.conf").write_text("nameserver 127.0.0.1\n", encoding="ascii")
        credentials = Credentials(self._layout)
        shutil.copy2(credentials.kubeconfig(node.name), config / "kubelet.conf")
        shutil.copy2(credentials.kubeconfig("proxy"), config / "proxy.conf")
        shutil.copy2(self._layout.folder / "pause.tar", config / "pause.tar")


CONTAINERD = f"""\
version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
[grpc]
  address = "{CONTAINERD_SOCKET}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE}"
  restrict_oom_score_adj = true  # to lower it needs CAP_SYS_RESOURCE
  disable_apparmor = true
  disable_tcp_service = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{CNI_PLUGINS}"
    conf_dir = "{CONFIG}/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
"""


def pod_network(node: Node) -> Mapping[str, object]:
    ipam = {
        "type": "host-local",
        "dataDir": "/run/cni",  # a new boot has no pods, so all addresses are free
        "ranges": [[{"subnet": node.pods}]],
        "routes": [{"dst": "0.0.0.0/0"}],
    }
    bridge = {"type": "bridge", "bridge": "cni0", "isGateway": True, "ipMasq": False, "hairpinMode": True, "ipam": ipam}
    ports = {"type": "portmap", "capabilities": {"portMappings": True}}
    return {"cniVersion": "0.4.0", "name": "pods", "plugins": [bridge, ports]}


def kubelet(cgroup: str) -> Mapping[str, object]:
    """No evictions and no removal of images: the disk is this machine's, and others fill it."""
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
        "authorization": {"mode": "AlwaysAllow"},
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{cgroup}",
        "enforceNodeAllocatable": [],
        "failSwapOn": False,
        "evictionHard": {},
        "imageGCHighThresholdPercent": 100,
        "maxPods": 110,
        "nodeStatusUpdateFrequency": "5s",
        "readOnlyPort": 0,
        "registryPullQPS": 0,
        "resolvConf": f"{CONFIG}/resolv.conf",
        "serializeImagePulls": False,
        "syncFrequency": "5s",
        "volumePluginDir": "/var/lib/kubelet-plugins",
    }


def proxy(name: str, address: str, kubeconfig: str) -> Mapping[str, object]:
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "iptables",
        "hostnameOverride": name,
        "bindAddress": address,
        "clientConnection": {"kubeconfig": kubeconfig},
        "conntrack": {"maxPerCore": 0},  # the limit is this machine's
        "healthzBindAddress": "127.0.0.1:10256",
        "metricsBindAddress": "127.0.0.1:10249",
    }


def hierarchies(root: Path = CGROUPS) -> Iterator[Path]:
    """The mounted hierarchies of cgroups."""
    yield from (each for each in sorted(root.iterdir()) if not each.is_symlink() and each.is_mount())


def make_cgroups(name: str) -> None:
    """One in every hierarchy; in ``cpuset`` with all processors and memory, since a new one has none."""
    for hierarchy in hierarchies():
        (hierarchy / name).mkdir(exist_ok=True)
    for setting in ("cpuset.cpus", "cpuset.mems"):
        if (CGROUPS / "cpuset" / setting).exists():
            (CGROUPS / "cpuset" / name / setting).write_text((CGROUPS / "cpuset" / setting).read_text())


def _write_json(file: Path, value: Mapping[str, object]) -> None:
    file.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
