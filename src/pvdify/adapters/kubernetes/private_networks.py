"""The ``private_networks`` port on a cluster: a Service for each link, and a policy for who may reach it."""

from pvdify.adapters.kubernetes import manifests
from pvdify.adapters.kubernetes.cluster import Cluster, Json, Refused, unavailable
from pvdify.adapters.kubernetes.names import INSTANCE, PRIVATE, SERVER, Scope, label_of, object_name
from pvdify.adapters.kubernetes.namespaces import Namespaces
from pvdify.adapters.kubernetes.watch import Watch
from pvdify.errors import NothingRuns
from pvdify.model.instance import InstanceSpec, Role
from pvdify.model.private_network import PrivateNetwork
from pvdify.model.service import key_of

NOBODY = "none"  # the selector of a Service that no instance is connected to
PLACEHOLDER = 1  # the port of a Service whose service has not been started yet


class ClusterPrivateNetworks:
    """The links of one server. The Service's address is the network's only address, and stays the same.

    Args:
        cluster: the API server.
        scope: this server's share of the cluster.
        namespaces: the namespaces of services.
        watch: the state of this server's pods.
    """

    def __init__(self, *, cluster: Cluster, scope: Scope, namespaces: Namespaces, watch: Watch) -> None:
        self._cluster, self._scope, self._namespaces, self._watch = cluster, scope, namespaces, watch

    async def make(self, id: str) -> str:
        await self._namespaces.ensure(service_of(id))
        there = await self._cluster.get(self._path(id))
        if there is None:
            try:
                there = await self._cluster.apply(self._path(id), service(self._scope, id, NOBODY, (PLACEHOLDER,)))
                await self._cluster.apply(self._policy_path(id), policy(self._scope, id))
            except Refused as refused:
                raise unavailable(refused) from refused
        return f"{there['spec']['clusterIP']}/32"

    async def bring(self, spec: InstanceSpec) -> None:
        """Connect a service that is about to start to its networks. Raises Refused, RuntimeUnavailable."""
        if spec.role is Role.SERVICE:
            for network in spec.networks:
                document = service(self._scope, network.id, object_name(spec.name), spec.ports or (PLACEHOLDER,))
                document["spec"]["clusterIP"] = network.address
                await self._cluster.apply(self._path(network.id), document)
                await self._cluster.apply(self._policy_path(network.id), policy(self._scope, network.id))

    async def connect(self, instance: str, network: PrivateNetwork) -> None:
        await self._watch.begin()
        pods = [pod for pod in self._watch.of(instance) if pod.is_up]
        if not pods:
            raise NothingRuns(f"{instance} does not run", next="`pvdify services` shows what runs")
        deployment = await self._cluster.get(
            self._scope.path(service_of(network.id), "deployments", object_name(instance))
        )
        ports = manifests.ports_of(deployment or {}) or (PLACEHOLDER,)
        try:
            await self._cluster.apply(
                self._path(network.id), service(self._scope, network.id, object_name(instance), ports)
            )
        except Refused as refused:
            raise unavailable(refused) from refused

    async def disconnect(self, instance: str, network: PrivateNetwork) -> None:
        there = await self._cluster.get(self._path(network.id))
        if there is not None and _connected(there) == object_name(instance):
            await self._cluster.merge(self._path(network.id), {"spec": {"selector": {INSTANCE: NOBODY}}})

    async def find(self) -> frozenset[str]:
        found = await self._cluster.objects(self._scope.everywhere("services"), f"{self._scope.selector()},{PRIVATE}")
        names = ((each["metadata"].get("annotations") or {}).get(PRIVATE) for each in found)
        return frozenset(str(name) for name in names if name)

    async def remove(self, id: str) -> None:
        there = await self._cluster.get(self._path(id))
        if there is None or await self._is_used(id, there):
            return
        await self._cluster.delete(self._path(id))
        await self._cluster.delete(self._policy_path(id))

    async def _is_used(self, id: str, there: Json) -> bool:
        connected = _connected(there)
        path = self._scope.path(service_of(id), "deployments", connected)
        if connected != NOBODY and await self._cluster.get(path) is not None:
            return True
        selector = f"{self._scope.selector()},{label_of(id)}"
        return bool(await self._cluster.objects(self._scope.everywhere("pods"), selector))

    def _path(self, id: str) -> str:
        return self._scope.path(service_of(id), "services", object_name(f"link-{id}"))

    def _policy_path(self, id: str) -> str:
        return self._scope.path(service_of(id), "networkpolicies", object_name(f"link-{id}"))


def service_of(id: str) -> str:
    """Return the key of the service in a network's id, in place of an app's name."""
    return key_of(id.rpartition(".")[0])


def service(scope: Scope, id: str, connected: str, ports: tuple[int, ...]) -> Json:
    """Return the Service of a link: it reaches the connected instance at the service's ports."""
    return {
        "apiVersion": "v1", "kind": "Service",
        "metadata": {
            "name": object_name(f"link-{id}"), "namespace": scope.namespace(service_of(id)),
            "labels": {SERVER: scope.server, PRIVATE: object_name(id)}, "annotations": {PRIVATE: id},
        },
        "spec": {
            "type": "ClusterIP",
            "selector": {SERVER: scope.server, INSTANCE: connected},
            "ports": [{"name": f"port-{each}", "port": each, "targetPort": each, "protocol": "TCP"} for each in ports],
        },
    }  # fmt: skip


def policy(scope: Scope, id: str) -> Json:
    """Return the policy that lets the link's pods reach the service, wherever they are."""
    return {
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": {
            "name": object_name(f"link-{id}"), "namespace": scope.namespace(service_of(id)),
            "labels": {SERVER: scope.server},
        },
        "spec": {
            "podSelector": {}, "policyTypes": ["Ingress"],
            "ingress": [{"from": [{
                "namespaceSelector": {"matchLabels": {SERVER: scope.server}},
                "podSelector": {"matchExpressions": [{"key": label_of(id), "operator": "Exists"}]},
            }]}],
        },
    }  # fmt: skip


def _connected(document: Json) -> str:
    return str((document["spec"].get("selector") or {}).get(INSTANCE) or NOBODY)
