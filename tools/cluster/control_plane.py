"""The control plane of a cluster: etcd, the API server, the controllers and the scheduler."""

import signal
from pathlib import Path

from tools.cluster.credentials import Credentials
from tools.cluster.layout import API_PORT, CONTROL_PLANE, SERVICES, Layout
from tools.cluster.processes import Processes
from tools.cluster.programs import Programs

MACHINE = "control"
API = "kube-apiserver"
ETCD = "http://127.0.0.1:2379"
ISSUER = "https://kubernetes.default.svc"
NODE_IS_LOST_AFTER_SECONDS = 20  # Kubernetes' default is 40; tests wait for it


class ControlPlane:
    """Starts its programs in the namespace ``control``; the API server can be killed and started again.

    The controllers and the scheduler elect a leader, as on every real control plane: without the API server they lose
    the election, end, and are started again. Controllers that outlived its absence would judge nodes by reports that
    had no way to arrive, and take the pods of all nodes for not ready.
    """

    def __init__(self, layout: Layout, programs: Programs, processes: Processes) -> None:
        self._folder, self._credentials = layout.folder / "control", Credentials(layout)
        self._programs, self._processes = programs, processes

    def start(self) -> None:
        (self._folder / "etcd").mkdir(parents=True, mode=0o700)
        self._start("etcd", *etcd(self._folder / "etcd"))
        self.start_api()
        controllers, scheduler = (self._credentials.kubeconfig(each) for each in ("controllers", "scheduler"))
        self._start(
            "kube-controller-manager", *controller_manager(controllers, self._credentials.folder), restarts=True
        )
        self._start("kube-scheduler", "--kubeconfig", str(scheduler), "--port=0",
                    "--cert-dir", str(self._folder / "scheduler"), restarts=True)  # fmt: skip

    def start_api(self) -> None:
        self._start(API, *api_server(self._credentials.folder), "--cert-dir", str(self._folder / "api"))

    def kill_api(self) -> None:
        """Kill the API server. Its clients reconnect once it is started again."""
        self._processes.end(API, MACHINE, by=signal.SIGKILL)

    def _start(self, program: str, *arguments: str, restarts: bool = False) -> None:
        self._processes.start(program, MACHINE, str(self._programs.bin / program), *arguments, restarts=restarts)


def etcd(data: Path) -> tuple[str, ...]:
    """Its election takes 5 s at least instead of 1: a busy disk must not cost the only member its leadership."""
    peer = "http://127.0.0.1:2380"
    return (
        "--data-dir", str(data),
        "--listen-client-urls", ETCD, "--advertise-client-urls", ETCD, "--listen-peer-urls", peer,
        "--heartbeat-interval", "500", "--election-timeout", "5000", "--log-level", "warn",
    )  # fmt: skip


def api_server(credentials: Path) -> tuple[str, ...]:
    return (
        "--etcd-servers", ETCD,
        "--advertise-address", CONTROL_PLANE, "--bind-address", "0.0.0.0",
        "--secure-port", str(API_PORT), "--insecure-port=0",
        "--tls-cert-file", str(credentials / "api.crt"), "--tls-private-key-file", str(credentials / "api.key"),
        "--client-ca-file", str(credentials / "ca.crt"), "--token-auth-file", str(credentials / "tokens.csv"),
        "--service-account-key-file", str(credentials / "accounts.pub"),
        "--service-account-signing-key-file", str(credentials / "accounts.key"),
        "--service-account-issuer", ISSUER, "--api-audiences", ISSUER,
        "--authorization-mode", "Node,RBAC", "--enable-admission-plugins", "NodeRestriction",
        "--service-cluster-ip-range", SERVICES, "--allow-privileged",
        "--kubelet-preferred-address-types", "InternalIP",
    )  # fmt: skip


def controller_manager(kubeconfig: Path, credentials: Path) -> tuple[str, ...]:
    return (
        "--kubeconfig", str(kubeconfig), "--root-ca-file", str(credentials / "ca.crt"),
        "--service-account-private-key-file", str(credentials / "accounts.key"),
        "--use-service-account-credentials", "--allocate-node-cidrs=false", "--port=0",
        "--node-monitor-period=2s", f"--node-monitor-grace-period={NODE_IS_LOST_AFTER_SECONDS}s",
        "--cert-dir", str(credentials.parent / "control" / "controllers"),
    )  # fmt: skip
