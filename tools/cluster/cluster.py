"""Brings a cluster up and takes it down."""

import fcntl
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tools.cluster import images, programs, registry, storage
from tools.cluster.control_plane import ControlPlane
from tools.cluster.credentials import Credentials
from tools.cluster.layout import CHECKOUT, OUTSIDE, PREFIX, Layout, Node
from tools.cluster.network import NAMESPACES, Network
from tools.cluster.processes import Processes
from tools.cluster.programs import Programs, Say
from tools.cluster.worker import CGROUPS, Worker, proxy

API_ANSWERS_WITHIN_SECONDS = 120
NODES_ARE_READY_WITHIN_SECONDS = 180
READY = "ready"  # written last
OWNER = "owner"
KUBECTL_SECONDS = 60


class ClusterFailed(Exception):
    """The cluster did not come up; the message says why."""


class InUse(ClusterFailed):
    """A cluster of this name is up."""


class Cluster:
    """One cluster. ``up`` and ``down`` may be called again; what a killed run has left is removed by either."""

    def __init__(self, layout: Layout, built: Programs, say: Say = programs.say) -> None:
        self.layout, self._programs, self._say = layout, built, say
        self._network = Network(layout)
        self._processes = Processes(layout.folder, self._network)
        self._control_plane = ControlPlane(layout, built, self._processes)

    def up(self, *, owner: int | None = None) -> None:
        """Bring it up and wait until every worker is Ready.

        ``owner``: a process; once that has ended, the cluster is a leftover that the next ``up`` removes.
        Raises ClusterFailed, and InUse when it is up already.
        """
        remove_leftovers(self._say)
        with _locked(self.layout):
            if self.is_up():
                raise InUse(f"cluster {self.layout.name} is up already")
            self._take_down()
            started = time.monotonic()
            try:
                self._bring_up(owner)
            except (OSError, RuntimeError, subprocess.SubprocessError) as error:
                raise ClusterFailed(f"{error}\n{self._last_words()}") from error
            self._say(f"{self.layout.name} is ready after {time.monotonic() - started:.1f} s")

    def down(self) -> None:
        """Remove every process, mount, namespace, cgroup and file of it."""
        with _locked(self.layout):
            self._take_down()
        _lock_file(self.layout).unlink(missing_ok=True)

    def is_up(self) -> bool:
        return (self.layout.folder / READY).exists() and any(self._network.processes())

    def kill_node(self, name: str) -> None:
        """Cut the power of a worker: its processes end at once, and what is sent to it is lost."""
        self._worker(self.layout.node(name)).cut_power()

    def start_node(self, name: str) -> None:
        """Switch a worker on again; its disk is as it was. Returns before it is Ready."""
        self._worker(self.layout.node(name)).power_on()

    def kill_api(self) -> None:
        """Kill the API server; nothing else."""
        self._control_plane.kill_api()

    def start_api(self) -> None:
        """Start the API server again and wait until it answers."""
        self._control_plane.start_api()
        self.wait_for_api()

    def command(self, *argv: str, machine: str = "outside") -> tuple[str, ...]:
        """The command that runs ``argv`` in the network of a machine, with this machine's files."""
        return self._network.command(machine, *argv)

    def environment(self) -> dict[str, str]:
        """Of programs that use the cluster: ours, with its kubeconfig and with kubectl."""
        path = f"{self._programs.bin}:{os.environ.get('PATH', '/usr/sbin:/usr/bin:/sbin:/bin')}"
        own = {"KUBECONFIG": str(self.layout.kubeconfig), "PATH": path, "PVDIFY_TEST_CLUSTER": self.layout.name}
        return {**os.environ, **own}

    def kubectl(self, *arguments: str, stdin: str = "", seconds: float = KUBECTL_SECONDS) -> str:
        """Run kubectl as the administrator. Raises ClusterFailed with what it says."""
        argv = self.command("kubectl", f"--request-timeout={seconds:.0f}s", *arguments)
        done = subprocess.run(
            argv, check=False, input=stdin, capture_output=True, text=True, env=self.environment(), timeout=seconds + 30
        )
        if done.returncode != 0:
            raise ClusterFailed(f"kubectl {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    def ready_nodes(self) -> set[str]:
        """The workers that the API calls Ready."""
        nodes = json.loads(self.kubectl("get", "nodes", "--output=json"))["items"]
        return {each["metadata"]["name"] for each in nodes if _is_ready(each)}

    def wait_for_api(self) -> None:
        """Raises TimeoutError."""
        self._wait_until("the API server answers", API_ANSWERS_WITHIN_SECONDS, self._api_answers)

    def wait_for_nodes(self, *names: str) -> None:
        """Wait until these workers are Ready, or all. Raises TimeoutError."""
        wanted = set(names) or {node.name for node in self.layout.workers}
        self._wait_until(
            f"{', '.join(sorted(wanted))} are Ready", NODES_ARE_READY_WITHIN_SECONDS,
            lambda: wanted <= self.ready_nodes(),
        )  # fmt: skip

    def _bring_up(self, owner: int | None) -> None:
        folder = self.layout.folder
        (folder / "volumes").mkdir(parents=True)
        if owner is not None:
            (folder / OWNER).write_text(f"{owner} {_start_of(owner)}\n", encoding="ascii")
        Credentials(self.layout).write()
        images.write_pause(folder / "pause.tar")
        self._network.make()
        self._control_plane.start()
        registry.start_registries(self.layout, self._processes)
        for node in self.layout.workers:
            self._worker(node).power_on()
        self.wait_for_api()
        self._start_outside()
        self.wait_for_nodes()
        self._wait_until("the account of pods is there", API_ANSWERS_WITHIN_SECONDS, self._account_is_there)
        (folder / READY).touch()

    def _start_outside(self) -> None:
        """The outside reaches addresses of services as a node does, and claims get their volumes."""
        for each in storage.classes():
            self.kubectl("apply", "--filename=-", stdin=json.dumps(each))
        config = self.layout.folder / "outside-proxy.json"
        kubeconfig = Credentials(self.layout).kubeconfig("proxy")
        config.write_text(json.dumps(proxy("outside", OUTSIDE, str(kubeconfig))), encoding="utf-8")
        kube_proxy = str(self._programs.bin / "kube-proxy")
        self._processes.start("outside-proxy", "outside", kube_proxy, "--config", str(config))
        self._processes.start(
            "storage", "control", sys.executable, "-m", "tools.cluster.storage",
            str(self.layout.kubeconfig), str(self.layout.folder / "volumes"),
            environment={"PYTHONPATH": str(CHECKOUT)},
        )  # fmt: skip

    def _take_down(self) -> None:
        for node in Layout(name=self.layout.name, nodes=9).workers:
            self._processes.end(node.name, node.name)
        self._processes.end_all()
        self._network.remove()
        remove_cgroups(self.layout)
        if self.layout.folder.exists():
            shutil.rmtree(self.layout.folder)

    def _worker(self, node: Node) -> Worker:
        return Worker(self.layout, node, self._programs, self._processes, self._network)

    def _api_answers(self) -> bool:
        try:
            return self.kubectl("get", "--raw", "/readyz", seconds=5) == "ok"
        except ClusterFailed:
            return False

    def _account_is_there(self) -> bool:
        """Pods are refused until the controllers have made their account."""
        return "default" in self.kubectl("get", "serviceaccounts", "--output=name")

    def _wait_until(self, what: str, seconds: float, is_so: Callable[[], bool]) -> None:
        deadline = time.monotonic() + seconds
        while not is_so():
            if time.monotonic() > deadline:
                raise TimeoutError(f"not within {seconds:.0f} s: {what}")
            time.sleep(0.2)

    def _last_words(self) -> str:
        logs = sorted((self.layout.folder / "logs").glob("*.log"))
        logs += sorted(self.layout.folder.glob("n*/disk/log/*.log"))
        return "\n".join(f"--- {log.name}\n{log.read_text(errors='replace')[-800:]}" for log in logs)


def remove_leftovers(say: Say = programs.say) -> None:
    """Take down every cluster whose owner has ended."""
    for name in known_clusters():
        layout = Layout(name=name)
        if _owner_has_ended(layout):
            say(f"removing {name}, which a killed run has left")
            Cluster(layout, programs.nothing()).down()


def known_clusters() -> Sequence[str]:
    """The names of all clusters that have a folder or a namespace."""
    folders = {each.name for each in (programs.cache() / "clusters").glob("*") if each.is_dir()}
    namespaces = {each.name.split("-")[1] for each in NAMESPACES.glob(f"{PREFIX}-*-*")}
    return sorted(folders | namespaces)


def remove_cgroups(layout: Layout) -> None:
    """Remove the cgroups of all workers; their processes must have ended."""
    for top in CGROUPS.glob(f"*/{PREFIX}-{layout.name}-*"):
        for folder, _, _ in os.walk(top, topdown=False):
            _remove_cgroup(Path(folder))


def _remove_cgroup(folder: Path) -> None:
    """The kernel calls a group busy for a moment after the end of its last process."""
    for _ in range(100):
        try:
            folder.rmdir()
        except FileNotFoundError:
            return
        except OSError:
            time.sleep(0.05)
        else:
            return
    folder.rmdir()


def _owner_has_ended(layout: Layout) -> bool:
    try:
        pid, started = (layout.folder / OWNER).read_text(encoding="ascii").split()
    except FileNotFoundError:
        return False
    return _start_of(int(pid)) != started


def _start_of(pid: int) -> str | None:
    """The start tick of a process, which differs from that of a later process with this pid; None if it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else fields[19]


def _is_ready(node: dict[str, Any]) -> bool:
    return any(each["type"] == "Ready" and each["status"] == "True" for each in node["status"].get("conditions", ()))


def _lock_file(layout: Layout) -> Path:
    return layout.folder.parent / f"{layout.name}.lock"


@contextmanager
def _locked(layout: Layout) -> Iterator[None]:
    """One at a time brings a cluster up or takes it down."""
    file = _lock_file(layout)
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
