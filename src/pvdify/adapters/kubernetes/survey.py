"""Observe what a cluster offers to this server, without changing it: the facts that ``pvdify doctor`` judges."""

import asyncio
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from pvdify.adapters.kubernetes.cluster import Cluster, Json, Refused
from pvdify.adapters.kubernetes.inspector import SIZES, quantity
from pvdify.adapters.kubernetes.names import Scope
from pvdify.errors import RuntimeUnavailable

_ALL = ("get", "list", "create", "patch", "delete")
# What pvdifyd may do: API group, resources, verbs. The same as in packaging/kubernetes/rbac.yaml.
RIGHTS: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("", ("namespaces", "services", "secrets", "configmaps", "persistentvolumeclaims", "serviceaccounts",
          "resourcequotas", "limitranges"), _ALL),
    ("", ("pods",), (*_ALL, "watch")),
    ("", ("pods/log",), ("get",)),
    ("", ("pods/exec", "pods/attach", "pods/portforward"), ("get", "create")),
    ("", ("nodes", "events"), ("list",)),
    ("apps", ("deployments",), _ALL),
    ("apps", ("replicasets",), ("list",)),
    ("networking.k8s.io", ("networkpolicies",), _ALL),
    ("policy", ("poddisruptionbudgets",), _ALL),
    ("storage.k8s.io", ("storageclasses",), ("list",)),
    ("metrics.k8s.io", ("pods",), ("get",)),
)  # fmt: skip
DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"  # annotation
FULL = 0.9  # a quota with this share in use is reported
CONNECT_SECONDS = 5.0
_AT_ONCE = 10  # requests
_UNITS = {
    **SIZES, "m": 1e-3, "u": 1e-6, "n": 1e-9, "T": 1e12, "P": 1e15, "E": 1e18, "Pi": 1024.0**5, "Ei": 1024.0**6,
}  # fmt: skip
_REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
_ENDED = ("Succeeded", "Failed")


@dataclass(frozen=True, kw_only=True)
class NodeRoom:
    """A node, and what its pods leave: ``cpu`` in CPUs, ``memory`` in bytes. ``is_ready``: it takes new pods."""

    name: str
    is_ready: bool
    cpu: float
    memory: float


@dataclass(frozen=True, kw_only=True)
class QuotaUse:
    """A limit of a namespace that is nearly used up; ``used`` and ``hard`` as Kubernetes writes them."""

    namespace: str
    resource: str
    used: str
    hard: str


@dataclass(frozen=True, kw_only=True)
class ClusterFacts:
    """The observed facts. A fact that a missing right hides is None.

    ``missing_rights``: ``VERB RESOURCE.GROUP``. ``storage_classes``: name -> whether it is the default.
    ``unreachable``: why a Service address cannot be reached from this machine; empty if it can.
    ``clock_offset``: seconds that the cluster's clock is ahead of this machine's.
    """

    version: str
    missing_rights: tuple[str, ...] = ()
    storage_classes: Mapping[str, bool] | None = None
    nodes: tuple[NodeRoom, ...] | None = None
    quotas: tuple[QuotaUse, ...] | None = None
    service_address: str = ""
    unreachable: str | None = None
    clock_offset: float | None = None


async def survey(cluster: Cluster, scope: Scope) -> ClusterFacts:
    """Return all facts. Raises RuntimeUnavailable if the API server does not answer."""
    version = await cluster.get("/version") or {}
    address, unreachable = await _reach(cluster)
    return ClusterFacts(
        version=str(version.get("gitVersion") or ""),
        missing_rights=await _missing_rights(cluster),
        storage_classes=await _storage_classes(cluster),
        nodes=await _nodes(cluster),
        quotas=await _quotas(cluster, scope),
        service_address=address,
        unreachable=unreachable,
        clock_offset=_offset(await cluster.date(), datetime.now(UTC)),
    )


async def _missing_rights(cluster: Cluster) -> tuple[str, ...]:
    gate = asyncio.Semaphore(_AT_ONCE)

    async def is_missing(group: str, resource: str, verb: str) -> str:
        name, _, part = resource.partition("/")
        wanted = {"group": group, "resource": name, "subresource": part, "verb": verb}
        review = {
            "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {key: text for key, text in wanted.items() if text}},
        }  # fmt: skip
        async with gate:
            try:
                answer = await cluster.create(_REVIEWS, review)
            except Refused:
                return ""  # an account that may not ask for its rights has to find out by use
        return "" if answer["status"].get("allowed") else f"{verb} {resource}{f'.{group}' if group else ''}"

    rights = [(group, resource, verb) for group, names, verbs in RIGHTS for resource in names for verb in verbs]
    return tuple(each for each in await asyncio.gather(*(is_missing(*right) for right in rights)) if each)


async def _storage_classes(cluster: Cluster) -> Mapping[str, bool] | None:
    found = await _listed(cluster, "/apis/storage.k8s.io/v1/storageclasses")
    if found is None:
        return None
    return {
        str(each["metadata"]["name"]): (each["metadata"].get("annotations") or {}).get(DEFAULT_CLASS) == "true"
        for each in found
    }


async def _nodes(cluster: Cluster) -> tuple[NodeRoom, ...] | None:
    nodes, pods = await _listed(cluster, "/api/v1/nodes"), await _listed(cluster, "/api/v1/pods")
    if nodes is None or pods is None:
        return None
    running = [each for each in pods if (each.get("status") or {}).get("phase") not in _ENDED]
    return tuple(_room(node, running) for node in nodes)


def _room(node: Json, pods: Iterable[Json]) -> NodeRoom:
    name = str(node["metadata"]["name"])
    allocatable = (node.get("status") or {}).get("allocatable") or {}
    here = [pod for pod in pods if (pod.get("spec") or {}).get("nodeName") == name]
    conditions = {it["type"]: it["status"] for it in (node.get("status") or {}).get("conditions") or ()}
    return NodeRoom(
        name=name,
        is_ready=conditions.get("Ready") == "True" and not (node.get("spec") or {}).get("unschedulable"),
        cpu=quantity(str(allocatable.get("cpu") or 0), _UNITS) - _requested(here, "cpu"),
        memory=quantity(str(allocatable.get("memory") or 0), _UNITS) - _requested(here, "memory"),
    )


def _requested(pods: Iterable[Json], resource: str) -> float:
    containers = (each for pod in pods for each in pod["spec"].get("containers") or ())
    wanted: Iterable[Any] = (((each.get("resources") or {}).get("requests") or {}).get(resource) for each in containers)
    return sum(quantity(str(each), _UNITS) for each in wanted if each)


async def _quotas(cluster: Cluster, scope: Scope) -> tuple[QuotaUse, ...] | None:
    found = await _listed(cluster, scope.everywhere("resourcequotas"), scope.selector())
    if found is None:
        return None
    return tuple(
        QuotaUse(namespace=str(each["metadata"]["namespace"]), resource=resource, used=str(used), hard=str(hard))
        for each in found
        for resource, hard in ((each.get("status") or {}).get("hard") or {}).items()
        if _share(used := (each["status"].get("used") or {}).get(resource, "0"), hard) >= FULL
    )


def _share(used: object, hard: object) -> float:
    limit = quantity(str(hard), _UNITS)
    return quantity(str(used), _UNITS) / limit if limit else 1.0


async def _reach(cluster: Cluster) -> tuple[str, str | None]:
    """Connect to the API server's own Service, as the router connects to instances."""
    try:
        service = await cluster.get("/api/v1/namespaces/default/services/kubernetes")
    except RuntimeUnavailable:
        return "", None
    if service is None:
        return "", None
    host, port = str(service["spec"]["clusterIP"]), int(service["spec"]["ports"][0]["port"])
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            _, writer = await asyncio.open_connection(host, port)
        writer.transport.abort()
    except TimeoutError:
        return f"{host}:{port}", f"no answer within {CONNECT_SECONDS:g} s"
    except OSError as error:
        return f"{host}:{port}", os.strerror(error.errno).lower() if error.errno else str(error)
    return f"{host}:{port}", ""


async def _listed(cluster: Cluster, path: str, labels: str = "") -> list[Json] | None:
    try:
        return await cluster.objects(path, labels)
    except RuntimeUnavailable:
        return None


def _offset(date: str, now: datetime) -> float | None:
    try:
        return (parsedate_to_datetime(date) - now).total_seconds()
    except (TypeError, ValueError):
        return None
