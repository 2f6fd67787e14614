"""The namespaces of apps: made with quota, limits, a closed network and an account without a token."""

import asyncio
import ipaddress
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pvdify.adapters.kubernetes.cluster import Cluster, Json, Refused, unavailable
from pvdify.adapters.kubernetes.manifests import ACCOUNT
from pvdify.adapters.kubernetes.names import APP, SERVER, Scope
from pvdify.errors import RuntimeUnavailable
from pvdify.ports.clock import Clock

EMPTYING_SECONDS = 90.0  # the longest that a namespace of the same name may take to go
PAUSE = 0.5
# Metadata services of clouds, which hand out credentials: link-local ones, Alibaba's, Azure's.
METADATA = ("169.254.0.0/16", "100.100.100.200/32", "168.63.129.16/32")
METADATA_IPV6 = ("fd00:ec2::254/128", "fd20:ce::254/128", "fd00:c1::a9fe:a9fe/128")  # AWS, Google, Oracle
DEFAULT_MEMORY = "512Mi"  # for what others start in the namespace without a limit


@dataclass(frozen=True, kw_only=True)
class NamespaceRules:
    """The rules of every namespace. ``quota``: hard limits by Kubernetes' names of resources.

    ``router``: networks from which visitors' requests reach pods, besides the cluster's own nodes.
    ``allows_metadata``: whether apps may reach a cloud's metadata service.
    """

    quota: Mapping[str, str]
    router: tuple[str, ...] = ()
    allows_metadata: bool = False


class Namespaces:
    """The namespaces of one server; the ``networks`` port, too, because a namespace is what keeps apps apart.

    Args:
        cluster: the API server.
        scope: this server's share of the cluster.
        clock: the time.
        rules: the rules of every namespace.
    """

    def __init__(self, *, cluster: Cluster, scope: Scope, clock: Clock, rules: NamespaceRules) -> None:
        self._cluster, self._scope, self._clock, self._rules = cluster, scope, clock, rules
        self._ready: set[str] = set()
        self._made: Counter[str] = Counter()
        self._making = asyncio.Lock()

    async def ensure(self, app: str) -> None:
        """Make the app's namespace with everything in it; once in the life of pvdifyd. Raises RuntimeUnavailable."""
        if app in self._ready:
            return
        async with self._making:
            await self._make(app)
            self._made[app] += 1
            self._ready.add(app)

    def made(self, app: str) -> int:
        """Return how many times the app's namespace was made since the start; what was in it before may be gone."""
        return self._made[app]

    def forget(self, app: str) -> None:
        """Look at the namespace again before its next use."""
        self._ready.discard(app)

    async def apps(self) -> frozenset[str]:
        found = await self._cluster.objects("/api/v1/namespaces", self._scope.selector())
        here = [each["metadata"] for each in found if not each["metadata"].get("deletionTimestamp")]
        return frozenset(str(each["labels"][APP]) for each in here if APP in each.get("labels", {}))

    async def keep_apart(self) -> None:
        """See the port. The cluster keeps the policies of namespaces."""

    async def remove(self, app: str) -> None:
        """See the port. A namespace with volumes stays until the last of them is purged."""
        if await self.is_empty(app):
            await self.delete(app)

    async def is_empty(self, app: str) -> bool:
        """Return whether the app has no instance, no container that runs once and no volume."""
        selector = self._scope.selector()
        for kind in ("deployments", "configmaps", "persistentvolumeclaims"):
            if await self._cluster.objects(self._scope.path(app, kind), selector):
                return False
        found = await self._cluster.objects(self._scope.path(app, "pods"), selector)
        return not any(not each["metadata"].get("deletionTimestamp") for each in found)

    async def delete(self, app: str) -> None:
        """Delete the namespace with everything in it. Absent is fine."""
        self.forget(app)
        path = f"/api/v1/namespaces/{self._scope.namespace(app)}"
        there = await self._cluster.get(path)
        if there is not None and (there["metadata"].get("labels") or {}).get(SERVER) == self._scope.server:
            await self._cluster.delete(path)

    async def _make(self, app: str) -> None:
        name = self._scope.namespace(app)
        path = f"/api/v1/namespaces/{name}"
        there = await self._until_gone(path)
        if there is not None and (there["metadata"].get("labels") or {}).get(SERVER) != self._scope.server:
            raise RuntimeUnavailable(
                f"{app} has no namespace in the cluster",
                why=f"the namespace {name} is there, and this server did not make it",
                next="set `kubernetes_namespace_prefix` to a beginning that nothing else uses, or delete the namespace",
            )
        nodes = node_networks(await self._cluster.objects("/api/v1/nodes"))
        try:
            await self._cluster.apply(path, namespace(self._scope, app))
            for document in furniture(self._scope, app, self._rules, nodes):
                kind = _KINDS[document["kind"]]
                await self._cluster.apply(self._scope.path(app, kind, document["metadata"]["name"]), document)
        except Refused as refused:
            raise unavailable(refused) from refused

    async def _until_gone(self, path: str) -> Json | None:
        """Return the namespace, after waiting for one that is being deleted. Raises RuntimeUnavailable."""
        deadline = self._clock.monotonic() + EMPTYING_SECONDS
        while True:
            there = await self._cluster.get(path)
            if there is None or not there["metadata"].get("deletionTimestamp"):
                return there
            if self._clock.monotonic() > deadline:
                raise RuntimeUnavailable(
                    f"{path.rpartition('/')[2]} cannot be used yet",
                    why=f"a namespace of this name is not deleted within {EMPTYING_SECONDS:g} s",
                    next="`kubectl describe namespace` shows what holds it; then deploy again",
                )
            await self._clock.sleep(PAUSE)


_KINDS = {
    "ServiceAccount": "serviceaccounts", "ResourceQuota": "resourcequotas", "LimitRange": "limitranges",
    "NetworkPolicy": "networkpolicies",
}  # fmt: skip


def namespace(scope: Scope, app: str) -> Json:
    """Return the app's namespace. Pods in it must keep to the baseline of Pod Security, where the cluster checks it."""
    return {
        "apiVersion": "v1", "kind": "Namespace",
        "metadata": {
            "name": scope.namespace(app),
            "labels": {SERVER: scope.server, APP: app, "pod-security.kubernetes.io/enforce": "baseline"},
        },
    }  # fmt: skip


def furniture(scope: Scope, app: str, rules: NamespaceRules, nodes: Iterable[str]) -> list[Json]:
    """Return what every namespace has."""

    def metadata(name: str) -> Json:
        return {"name": name, "namespace": scope.namespace(app), "labels": {SERVER: scope.server}}

    everything: Json = {"podSelector": {}}
    from_router = [{"ipBlock": {"cidr": each}} for each in dict.fromkeys((*nodes, *rules.router))]
    closed, closed_ipv6 = ((), ()) if rules.allows_metadata else (METADATA, METADATA_IPV6)
    return [
        {
            "apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata(ACCOUNT),
            "automountServiceAccountToken": False,
        },
        {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata("pvdify"),
         "spec": {"hard": dict(rules.quota)}},
        {
            "apiVersion": "v1", "kind": "LimitRange", "metadata": metadata("pvdify"),
            "spec": {"limits": [{"type": "Container", "default": {"memory": DEFAULT_MEMORY}}]},
        },
        {
            "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata("closed"),
            "spec": {**everything, "policyTypes": ["Ingress", "Egress"], "ingress": [], "egress": []},
        },
        {
            "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata("own"),
            "spec": {
                **everything, "policyTypes": ["Ingress", "Egress"],
                "ingress": [{"from": [everything]}, *([{"from": from_router}] if from_router else [])],
                "egress": [
                    {"to": [
                        {"ipBlock": {"cidr": "0.0.0.0/0", "except": list(closed)}},
                        {"ipBlock": {"cidr": "::/0", "except": list(closed_ipv6)}},
                    ]},
                    {"ports": [{"protocol": protocol, "port": 53} for protocol in ("UDP", "TCP")]},
                ],
            },
        },
    ]  # fmt: skip


def node_networks(nodes: Iterable[Json]) -> list[str]:
    """Return the addresses that nodes have when they pass on requests: their own, and the first ones of their pods'."""
    found: list[str] = []
    for node in nodes:
        for address in (node.get("status") or {}).get("addresses") or ():
            if address.get("type") in ("InternalIP", "ExternalIP"):
                found.append(str(ipaddress.ip_network(str(address.get("address")))))
        for cidr in (node.get("spec") or {}).get("podCIDRs") or ():
            network = ipaddress.ip_network(str(cidr))
            found += [str(ipaddress.ip_network(network[number])) for number in (0, 1)]
    return found
