"""The ``inspector`` port on a cluster: the metrics API if the cluster has it, and the kernel's list of sockets."""

import asyncio
import ipaddress
import time
from collections.abc import Iterable
from contextlib import suppress

from pvdify.adapters.kubernetes.cluster import Cluster
from pvdify.adapters.kubernetes.kubectl import Kubectl
from pvdify.adapters.kubernetes.names import CONTAINER, Scope
from pvdify.adapters.kubernetes.watch import Watch
from pvdify.errors import PvdifyError
from pvdify.model.instance import Listener, Usage
from pvdify.model.one_off import Stream

LISTEN_SECONDS = 10.0  # the longest that reading the sockets may take
_LISTENS = "0A"
_UNITS = {"n": 1e-9, "u": 1e-6, "m": 1e-3, "": 1.0}
SIZES = {"": 1, "Ti": 1024**4, "Ki": 1024, "Mi": 1024**2, "Gi": 1024**3, "k": 1000, "M": 1000**2, "G": 1000**3}


class ClusterInspector:
    """Figures about pods.

    The metrics API has the CPU in use, not the seconds since the start; these are added up from call to call.
    """

    def __init__(self, *, cluster: Cluster, scope: Scope, watch: Watch, kubectl: Kubectl) -> None:
        self._cluster, self._scope, self._watch = cluster, scope, watch
        self._kubectl = kubectl
        self._seconds: dict[str, tuple[float, float]] = {}  # pod -> seconds of CPU, and when they were added up

    async def usage(self, name: str) -> Usage | None:
        try:
            await self._watch.begin()
            pod = next((each for each in self._watch.of(name) if each.is_up), None)
            if pod is None:
                return None
            namespace = self._scope.namespace(pod.identity.app)
            path = f"/apis/metrics.k8s.io/v1beta1/namespaces/{namespace}/pods/{pod.name}"
            found = await self._cluster.get(path)
            used = next(it["usage"] for it in (found or {}).get("containers") or () if it["name"] == CONTAINER)
            memory, rate = quantity(str(used["memory"]), SIZES), quantity(str(used["cpu"]), _UNITS)
        except (PvdifyError, StopIteration, KeyError, ValueError, TypeError):
            return None
        now = time.monotonic()
        seconds, at = self._seconds.get(pod.uid, (0.0, now))
        self._seconds = {
            uid: it for uid, it in self._seconds.items() if uid in {each.uid for each in self._watch.all()}
        }
        self._seconds[pod.uid] = seconds + rate * (now - at), now
        return Usage(memory=int(memory), cpu_seconds=self._seconds[pod.uid][0])

    async def listeners(self, name: str) -> tuple[Listener, ...]:
        """See the port. Reads ``/proc/net/tcp`` with the image's ``cat``; an image without one has no answer."""
        with suppress(PvdifyError):
            await self._watch.begin()
        pod = next((each for each in self._watch.of(name) if each.is_up and not each.is_ending), None)
        if pod is None:
            return ()
        namespace = self._scope.namespace(pod.identity.app)
        command = ("cat", "/proc/net/tcp", "/proc/net/tcp6")
        said = b""
        try:
            process = await self._kubectl.enter(namespace, pod.name, command, None)
            try:
                await process.close_input()
                async with asyncio.timeout(LISTEN_SECONDS):
                    while (piece := await process.read()) is not None:
                        said += piece.data if piece.stream is Stream.STDOUT else b""
            finally:
                await process.end()
        except (PvdifyError, TimeoutError):
            return ()
        return listeners_in(said.decode(errors="replace").splitlines())


def quantity(text: str, units: dict[str, float] | dict[str, int]) -> float:
    """Return the number in a quantity such as ``12Mi`` or ``5m``. Raises KeyError, ValueError."""
    number = text.rstrip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
    return float(number) * units[text[len(number) :]]


def listeners_in(lines: Iterable[str]) -> tuple[Listener, ...]:
    """Return the listening sockets in ``/proc/net/tcp`` and ``tcp6``, each once."""
    found = set()
    for line in lines:
        parts = line.split()
        if len(parts) < 4 or parts[3] != _LISTENS:
            continue
        address, _, port = parts[1].partition(":")
        try:
            found.add((_address(address), int(port, 16)))
        except ValueError:
            continue
    return tuple(Listener(address=address, port=port) for address, port in sorted(found))


def _address(text: str) -> str:
    """Return the address that the kernel writes as words in the machine's order."""
    words = bytes.fromhex(text)
    packed = b"".join(words[start : start + 4][::-1] for start in range(0, len(words), 4))
    address = ipaddress.ip_address(packed)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)
