"""The network of a cluster: one namespace for each machine, and one with the bridge that connects them."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tools.cluster.layout import LOOPBACK_OF_OUTSIDE, OUTSIDE, PORTS_OF_OUTSIDE, SERVICES, Layout, Node

NAMESPACES = Path("/run/netns")
LAN = "lan"
BRIDGE = "br0"


class Network:
    """Makes and removes the namespaces of ``layout``, and connects and disconnects its workers."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def make(self) -> None:
        """Everything but the workers, which are connected one by one."""
        lan = self._layout.namespace(LAN)
        _ip("netns", "add", lan)
        _ip("-n", lan, "link", "add", BRIDGE, "type", "bridge")
        _ip("-n", lan, "link", "set", BRIDGE, "up")
        for machine, address in self._layout.machines:
            if machine in ("outside", "control"):
                self._plug_in(machine, address)
                for node in self._layout.workers:
                    self._route(machine, node)
        # kube-proxy replaces the address of a service, but only once the kernel has found a way to it
        _ip("-n", self._layout.namespace("outside"), "route", "add", SERVICES, "dev", "eth0")
        self._open_loopback_of_outside()

    def connect(self, node: Node) -> None:
        """Give a worker a network that no earlier one of its name has written to."""
        self.remove_namespace(node.name)
        self._plug_in(node.name, node.address)
        for other in self._layout.workers:
            if other != node:
                self._route(node.name, other)
        self._reach_loopback_of_outside(node)

    def disconnect(self, node: Node) -> None:
        """Pull its cable: what is sent to it is lost, as if the power had failed. Does nothing if there is no cable."""
        _ip("-n", self._layout.namespace(LAN), "link", "set", f"v-{node.name}", "down", check=False)

    def remove_namespace(self, machine: str) -> None:
        """Remove a namespace and its cable, if there is one. Its processes must have ended."""
        namespace = self._layout.namespace(machine)
        if (NAMESPACES / namespace).exists():
            _ip("-n", self._layout.namespace(LAN), "link", "delete", f"v-{machine}", check=False)
            _ip("netns", "delete", namespace)

    def namespaces(self) -> Iterator[str]:
        """The namespaces of this cluster that exist, also those of a cluster with more workers."""
        yield from (each.name for each in sorted(NAMESPACES.glob(self._layout.namespace("*"))))

    def remove(self) -> None:
        """Remove all namespaces. Their processes must have ended."""
        for namespace in self.namespaces():
            _ip("netns", "delete", namespace)

    def processes(self) -> set[int]:
        """The processes in the namespaces of this cluster; those inside pods have other ones."""
        numbers = {(NAMESPACES / namespace).stat().st_ino for namespace in self.namespaces()}
        return {pid for pid in _pids() if _network_of(pid) in numbers}

    def contains(self, pid: int, machine: str) -> bool:
        """Is this process one of the machine's? A recorded pid may belong to another program by now."""
        place = NAMESPACES / self._layout.namespace(machine)
        return place.exists() and _network_of(pid) == place.stat().st_ino

    def command(self, machine: str, *argv: str) -> tuple[str, ...]:
        """The command that runs ``argv`` in the network of a machine."""
        return ("nsenter", f"--net={NAMESPACES / self._layout.namespace(machine)}", *argv)

    def _plug_in(self, machine: str, address: str) -> None:
        lan, namespace = self._layout.namespace(LAN), self._layout.namespace(machine)
        cable = f"v-{machine}"
        _ip("netns", "add", namespace)
        _ip("-n", lan, "link", "add", cable, "type", "veth", "peer", "name", "eth0",
            "address", hardware_address(address), "netns", namespace)  # fmt: skip
        _ip("-n", lan, "link", "set", cable, "master", BRIDGE, "up")
        _ip("-n", namespace, "link", "set", "lo", "up")
        _ip("-n", namespace, "address", "add", f"{address}/24", "dev", "eth0")
        _ip("-n", namespace, "link", "set", "eth0", "up")
        if machine != "outside":
            _ip("-n", namespace, "route", "add", "default", "via", OUTSIDE)

    def _route(self, machine: str, node: Node) -> None:
        _ip("-n", self._layout.namespace(machine), "route", "add", node.pods, "via", node.address)

    def _open_loopback_of_outside(self) -> None:
        """What arrives at a second address of the outside is delivered to its 127.0.0.1."""
        _ip("-n", self._layout.namespace("outside"), "address", "add", f"{LOOPBACK_OF_OUTSIDE}/24", "dev", "eth0")
        self._allow_local_routes("outside")
        self._nat("outside", "PREROUTING", "-d", LOOPBACK_OF_OUTSIDE, "-p", "tcp",
                  "-j", "DNAT", "--to-destination", "127.0.0.1")  # fmt: skip

    def _reach_loopback_of_outside(self, node: Node) -> None:
        self._allow_local_routes(node.name)
        self._nat(node.name, "OUTPUT", "-d", "127.0.0.1", "-p", "tcp", "-m", "multiport",
                  "--dports", PORTS_OF_OUTSIDE, "-j", "DNAT", "--to-destination", LOOPBACK_OF_OUTSIDE)  # fmt: skip
        self._nat(node.name, "POSTROUTING", "-s", "127.0.0.1", "-d", LOOPBACK_OF_OUTSIDE, "-j", "MASQUERADE")

    def _allow_local_routes(self, machine: str) -> None:
        setting = "/proc/sys/net/ipv4/conf/eth0/route_localnet"
        _run(*self.command(machine, "sh", "-c", f"echo 1 > {setting}"))

    def _nat(self, machine: str, chain: str, *rule: str) -> None:
        _run(*self.command(machine, "iptables", "--wait", "-t", "nat", "-A", chain, *rule))


def hardware_address(address: str) -> str:
    """Of a machine; always the same, so that its neighbours find it at once after it was switched on again."""
    return "02:00:" + ":".join(f"{int(part):02x}" for part in address.split("."))


def _pids() -> Iterator[int]:
    yield from (int(name) for name in os.listdir("/proc") if name.isdecimal())


def _network_of(pid: int) -> int | None:
    """The number of its network namespace; None if it has ended, also before its parent has noticed."""
    try:
        return os.stat(f"/proc/{pid}/ns/net").st_ino
    except OSError:
        return None


def _ip(*arguments: str, check: bool = True) -> None:
    _run("ip", *arguments, check=check)


def _run(*argv: str, check: bool = True) -> None:
    done = subprocess.run(argv, check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if check and done.returncode != 0:
        raise RuntimeError(f"{' '.join(argv)}: {done.stderr.strip()}")
