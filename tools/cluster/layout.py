"""The names, folders and addresses of one cluster.

The network of a cluster is connected to nothing: each machine is a network namespace, and all are on one bridge in a
namespace of its own. So every cluster has the same addresses, and the name is what keeps two of them apart.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tools.cluster import programs

CHECKOUT = Path(__file__).resolve().parents[2]
PREFIX = "pvdk"
NAME = re.compile(r"[a-z0-9]{1,16}")

MACHINES = "10.210.0.0/24"
SERVICES = "10.211.0.0/16"
FIRST_SERVICE = "10.211.0.1"
CONTROL_PLANE = "10.210.0.1"
OUTSIDE = "10.210.0.254"
LOOPBACK_OF_OUTSIDE = "10.210.0.253"  # what nodes reach there is on 127.0.0.1
API_PORT = 6443
REGISTRY_PORT = 5000
PRIVATE_REGISTRY_PORT = 5001
# On a node, 127.0.0.1 with one of these ports is the loopback of the outside: image registries of tests listen there.
# Debian's containerd and the kubelet listen on others.
PORTS_OF_OUTSIDE = "5000:5100,11000:29999"


class BadName(ValueError):
    """A cluster cannot have this name."""


@dataclass(frozen=True, kw_only=True)
class Node:
    """One worker."""

    number: int

    @property
    def name(self) -> str:
        return f"n{self.number}"

    @property
    def address(self) -> str:
        return f"10.210.0.{10 + self.number}"

    @property
    def pods(self) -> str:
        """The addresses of its pods."""
        return f"10.210.{100 + self.number}.0/24"


@dataclass(frozen=True, kw_only=True)
class Layout:
    """What belongs to the cluster ``name``; equal names are the same cluster."""

    name: str
    nodes: int = 2

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise BadName(f"{self.name!r}: a name has 1 to 16 characters of a-z and 0-9")
        if not 1 <= self.nodes <= 9:
            raise BadName(f"{self.nodes} workers: a cluster has 1 to 9")

    @property
    def folder(self) -> Path:
        """Everything the cluster writes."""
        return programs.cache() / "clusters" / self.name

    @property
    def kubeconfig(self) -> Path:
        """Of the administrator."""
        return self.folder / "admin.conf"

    @property
    def workers(self) -> tuple[Node, ...]:
        return tuple(Node(number=number) for number in range(1, self.nodes + 1))

    def node(self, name: str) -> Node:
        """Raises KeyError."""
        return {each.name: each for each in self.workers}[name]

    def node_folder(self, node: Node) -> Path:
        return self.folder / node.name

    def namespace(self, machine: str) -> str:
        """The network namespace of ``outside``, ``control``, ``lan`` or a worker."""
        return f"{PREFIX}-{self.name}-{machine}"

    def cgroup(self, node: Node) -> str:
        """The name of its cgroup, in every hierarchy."""
        return f"{PREFIX}-{self.name}-{node.name}"

    @property
    def machines(self) -> Iterator[tuple[str, str]]:
        """Name and address of everything on the bridge."""
        yield "outside", OUTSIDE
        yield "control", CONTROL_PLANE
        for node in self.workers:
            yield node.name, node.address


def name_of_checkout(checkout: Path = CHECKOUT) -> str:
    """The name of the cluster that belongs to this checkout, so that two checkouts do not share one."""
    return "c" + hashlib.sha256(str(checkout).encode()).hexdigest()[:6]
