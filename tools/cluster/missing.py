"""Why there can be no cluster on a machine."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from tools.cluster import images
from tools.cluster.worker import CGROUPS, CNI_PLUGINS, hierarchies

COMMANDS = (
    "apt-get", "docker-registry", "dpkg-deb", "dpkg-source", "ip", "iptables", "mount", "nsenter", "pivot_root", "runc",
    "setsid", "unshare",
)  # fmt: skip
PLUGINS = ("bridge", "host-local", "loopback", "portmap")
CONTROLLERS = ("cpu", "cpuset", "memory", "pids")


def missing_for_cluster() -> str | None:
    """Why no cluster can be brought up here; None if one can."""
    return next(_reasons(), None)


def _reasons() -> Iterator[str]:
    if os.geteuid() != 0:
        yield "a cluster needs root"
    system = os_release()
    if (system.get("ID"), system.get("VERSION_ID")) != ("debian", "12"):
        yield "a cluster is built from Debian 12's source package of Kubernetes; later ones have the client alone"
    if os.uname().machine != "x86_64":
        yield f"the images of a cluster are for x86_64, not for {os.uname().machine}"
    absent = [name for name in COMMANDS if shutil.which(name) is None]
    absent += [str(CNI_PLUGINS / name) for name in PLUGINS if not (CNI_PLUGINS / name).exists()]
    if absent:
        yield f"not installed: {', '.join(absent)}; tools/setup installs them"
    if reason := images.missing_for_images():
        yield f"{reason}; tools/setup installs it"
    yield from _reasons_of_the_kernel()


def _reasons_of_the_kernel() -> Iterator[str]:
    mounted = {part for each in hierarchies() for part in each.name.split(",")} if CGROUPS.is_dir() else set()
    if without := [name for name in CONTROLLERS if name not in mounted]:
        yield f"Kubernetes 1.20 needs cgroup v1; not mounted below {CGROUPS}: {', '.join(without)}"
    if "\toverlay\n" not in Path("/proc/filesystems").read_text(encoding="ascii"):
        yield "the kernel has no overlay file system"
    tried = subprocess.run(
        ("unshare", "--net", "--mount", "--pid", "--fork", "true"), check=False, capture_output=True, text=True
    )
    if tried.returncode != 0:
        yield f"the kernel gives no namespaces: {tried.stderr.strip()}"


def os_release(file: Path = Path("/etc/os-release")) -> Mapping[str, str]:
    """What the system says that it is."""
    if not file.exists():
        return {}
    pairs = (line.partition("=") for line in file.read_text(encoding="utf-8").splitlines())
    return {name: value.strip('"') for name, _, value in pairs if name}
