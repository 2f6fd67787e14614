"""What of a cluster is on this machine: nothing, once it is down."""

import os
from collections.abc import Iterator
from pathlib import Path

from tools.cluster.layout import PREFIX, Layout
from tools.cluster.network import NAMESPACES
from tools.cluster.worker import CGROUPS


def traces(layout: Layout) -> list[str]:
    """Its processes, mounts, namespaces, cgroups and files; each as a line for people."""
    return [*_processes(layout), *_mounts(layout), *_places(layout)]


def _processes(layout: Layout) -> Iterator[str]:
    """Those that name its folder or are in one of its cgroups."""
    folder, cgroup = f"{layout.folder}/".encode(), f"/{PREFIX}-{layout.name}-".encode()
    for pid in (name for name in os.listdir("/proc") if name.isdecimal() and name != str(os.getpid())):
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
            groups = Path(f"/proc/{pid}/cgroup").read_bytes()
        except OSError:
            continue
        if command and (folder in command or cgroup in groups):  # an ended one has no command any more
            yield f"process {pid}: {command.decode(errors='replace')}"


def _mounts(layout: Layout) -> Iterator[str]:
    for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines():
        if f"{layout.folder}/" in line or f"/{PREFIX}-{layout.name}-" in line:
            yield f"mount: {line}"


def _places(layout: Layout) -> Iterator[str]:
    yield from (f"namespace: {each}" for each in NAMESPACES.glob(f"{PREFIX}-{layout.name}-*"))
    yield from (f"cgroup: {each}" for each in CGROUPS.glob(f"*/{PREFIX}-{layout.name}-*"))
    if layout.folder.exists():
        yield f"folder: {layout.folder}"
