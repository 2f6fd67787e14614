"""Where the programs of a cluster are, and where clusters keep what they write.

Everything is below ``~/.cache/pvdify-test``; ``PVDIFY_TEST_CACHE`` names another folder.
"""

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

BUILT = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy")
UNPACKED = ("etcd", "containerd", "containerd-shim-runc-v2", "ctr", "kubectl")
COMPLETE = "complete"  # written last; a folder without it is what a killed build has left

Say = Callable[[str], None]


def say(text: str) -> None:
    """Report progress on stderr, at once."""
    print(f"cluster: {text}", file=sys.stderr, flush=True)


def cache(environment: Mapping[str, str] = os.environ) -> Path:
    """The folder that outlives a run."""
    named = environment.get("PVDIFY_TEST_CACHE")
    return Path(named) if named else Path(environment.get("HOME") or "/root") / ".cache" / "pvdify-test"


@dataclass(frozen=True, kw_only=True)
class Programs:
    """A folder with every program that a cluster needs and this machine does not have."""

    folder: Path

    @property
    def version(self) -> str:
        """The version of Debian's source package, such as 1.20.5+really1.20.2-1.1."""
        return self.folder.name.removeprefix("k8s-")

    @property
    def kubernetes(self) -> str:
        """The version that the programs report: 1.20.2."""
        return upstream(self.version)

    @property
    def bin(self) -> Path:
        return self.folder / "bin"

    def is_complete(self) -> bool:
        return (self.folder / COMPLETE).is_file()


def upstream(debian_version: str) -> str:
    """The version of Kubernetes in a version of Debian's: ``1.20.5+really1.20.2-1.1`` is 1.20.2."""
    return debian_version.rpartition("+really")[2].partition("-")[0].partition("+")[0]


def built(folder: Path) -> Programs | None:
    """What the last complete build below this folder has made; None before the first."""
    candidates = [Programs(folder=each) for each in folder.glob("k8s-*") if each.is_dir()]
    complete = [each for each in candidates if each.is_complete()]
    return max(complete, key=lambda each: (each.folder / COMPLETE).stat().st_mtime, default=None)


def nothing() -> Programs:
    """For removing a cluster, which needs no programs."""
    return Programs(folder=Path("/nonexistent"))
