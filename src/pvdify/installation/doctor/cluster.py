"""Check the cluster of ``runtime = "kubernetes"``, or of the ``kubeconfig`` to which apps can move."""

import asyncio
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from pvdify.adapters.clock.clock import SystemClock
from pvdify.adapters.kubernetes.cluster import Cluster
from pvdify.adapters.kubernetes.names import Scope
from pvdify.adapters.kubernetes.survey import ClusterFacts, survey
from pvdify.errors import RuntimeUnavailable
from pvdify.installation.doctor.observe import ask
from pvdify.installation.doctor.verdicts import amount, broken, ok, warning
from pvdify.installation.machine import Machine
from pvdify.settings import Settings
from pvdify.wire.answers import Check

OLDEST = (1, 20)
SKEW = 1  # minor versions that kubectl may differ from the API server
ANSWER_WITHIN = 10.0  # seconds
CLOCK_OFFSET = 5.0  # seconds
ROOM_FOR_ONE = 512 * 1024**2  # bytes; the memory limit of an instance that names none
OPTIONAL = (".storage.k8s.io", ".metrics.k8s.io")  # API groups that are only read for checks and figures
RIGHTS_FILE = "packaging/kubernetes/rbac.yaml"


@dataclass(frozen=True, kw_only=True)
class Seen:
    """The facts about the cluster, and the version of kubectl on this machine; "" if it does not work.

    ``kubectl_refusal``: why it does not work; "" if it is not installed.
    """

    settings: Settings
    cluster: ClusterFacts
    kubectl: str
    kubectl_refusal: str = ""


def is_wanted(settings: Settings) -> bool:
    """Return whether the settings name a cluster."""
    return settings.runtime == "kubernetes" or bool(settings.kubeconfig)


def checks(settings: Settings, machine: Machine) -> tuple[Check, ...]:
    """Observe the cluster and judge it; nothing if the settings name none.

    If instances run on this machine, the cluster is only a place to move to, so nothing about it is broken.
    """
    if not is_wanted(settings):
        return ()
    try:
        facts = asyncio.run(_survey(settings))
        found = judge(_seen(settings, facts, machine))
    except RuntimeUnavailable as error:
        found = (broken("cluster", f"{error.what}: {error.why}", error.next),)
    if settings.runtime == "kubernetes":
        return found
    return tuple(replace(each, state="warning") if each.state == "broken" else each for each in found)


def judge(seen: Seen) -> tuple[Check, ...]:
    """Return all checks of the cluster, in the order in which they should be repaired. No I/O."""
    return tuple(each(seen) for each in JUDGEMENTS)


def version(seen: Seen) -> Check:
    """Check the version of the API server."""
    text = f"Kubernetes {seen.cluster.version or 'of an unknown version'}"
    number = _number(seen.cluster.version)
    if number is not None and number < OLDEST:
        return broken("cluster", f"{text}: older than 1.20", "upgrade the cluster")
    return ok("cluster", text)


def kubectl(seen: Seen) -> Check:
    """Check that kubectl is installed and fits the API server. `pvdify run`, `ps:exec` and `tunnel` need it."""
    if seen.kubectl_refusal:
        command = f"{seen.settings.kubectl_binary} version --client"
        return broken("kubectl", f"it does not work: {seen.kubectl_refusal}", command)
    if not seen.kubectl:
        text = f"{seen.settings.kubectl_binary} is not installed; `pvdify run`, `ps:exec` and `tunnel` need it"
        return broken("kubectl", text, f"install kubectl {'.'.join(seen.cluster.version.split('.')[:2])}")
    own, other = _number(seen.kubectl), _number(seen.cluster.version)
    if own and other and (own[0] != other[0] or abs(own[1] - other[1]) > SKEW):
        text = f"{seen.kubectl}; Kubernetes supports one minor version more or less than {seen.cluster.version}"
        return warning("kubectl", text, f"install kubectl {other[0]}.{other[1]}")
    return ok("kubectl", seen.kubectl)


def rights(seen: Seen) -> Check:
    """Check the permissions of pvdifyd's account."""
    missing = seen.cluster.missing_rights
    needed = [each for each in missing if not each.endswith(OPTIONAL)]
    if needed:
        return broken("rights", f"missing: {', '.join(missing)}", _apply_rights())
    if missing:
        return warning("rights", f"missing, for information only: {', '.join(missing)}", _apply_rights())
    return ok("rights", "the account may do all that pvdifyd does")


def storage(seen: Seen) -> Check:
    """Check that the storage class of volumes exists."""
    name, classes = seen.settings.kubernetes_storage_class, seen.cluster.storage_classes
    if classes is None:
        return warning("storage class", "not checked: the account may not list storage classes", _apply_rights())
    if name:
        if name not in classes:
            known = ", ".join(classes) or "none"
            return broken("storage class", f"the cluster has no class {name}, only: {known}", _set_class(classes))
        return ok("storage class", name)
    default = [each for each, is_default in classes.items() if is_default]
    if not default:
        text = "the cluster has no default class, so apps with volumes cannot be deployed"
        return warning("storage class", text, _set_class(classes))
    return ok("storage class", f"{default[0]}, the cluster's default")


def nodes(seen: Seen) -> Check:
    """Check that nodes are ready, and that one has room for an instance."""
    found = seen.cluster.nodes
    if found is None:
        return warning("nodes", "not checked: the account may not list nodes and pods", _apply_rights())
    ready = [each for each in found if each.is_ready]
    if not ready:
        return broken("nodes", f"none of {len(found)} is ready for pods", "kubectl get nodes")
    most = max(ready, key=lambda each: each.memory)
    text = f"{len(ready)} of {len(found)} ready; most room: {most.name}, {amount(most.memory)} and {most.cpu:.1f} CPUs"
    if most.memory < ROOM_FOR_ONE:
        return warning("nodes", f"{text}: too little for an instance of 512 MB", "add a node, or stop what runs there")
    if others := [each.name for each in found if not each.is_ready]:
        return warning("nodes", f"{text}; not ready: {', '.join(others)}", f"kubectl describe node {others[0]}")
    return ok("nodes", text)


def quotas(seen: Seen) -> Check:
    """Check for namespaces of apps whose quota is nearly used up."""
    if seen.cluster.quotas is None:
        return warning("quota", "not checked: the account may not list quotas", _apply_rights())
    full = [f"{it.namespace}: {it.resource} {it.used} of {it.hard}" for it in seen.cluster.quotas]
    if full:
        return warning("quota", "; ".join(full), "raise `kubernetes_quota`, or scale these apps down")
    wanted = seen.settings.kubernetes_quota
    return ok("quota", "no namespace is near its limit" if wanted else "none is set")


def services(seen: Seen) -> Check:
    """Check that this machine, where the router runs, reaches addresses of Services."""
    address, refusal = seen.cluster.service_address, seen.cluster.unreachable
    if refusal is None:
        return warning("services", "not checked: the Service of the API server was not found", _apply_rights())
    if refusal:
        return broken(
            "services", f"the router's machine does not reach Service addresses ({address}: {refusal})",
            "run pvdifyd on a node of the cluster, or route the network of Services to one",
        )  # fmt: skip
    return ok("services", f"addresses of Services are reached ({address})")


def clock(seen: Seen) -> Check:
    """Check that the clocks of the cluster and of this machine agree: states and logs are ordered by them."""
    offset = seen.cluster.clock_offset
    if offset is None or abs(offset) <= CLOCK_OFFSET:
        return ok("cluster clock", "agrees with this machine's")
    direction = "ahead of" if offset > 0 else "behind"
    return warning(
        "cluster clock", f"{abs(offset):.0f} s {direction} this machine's", "set both by time servers (timedatectl)"
    )


JUDGEMENTS: tuple[Callable[[Seen], Check], ...] = (
    version, rights, kubectl, nodes, storage, quotas, services, clock,
)  # fmt: skip


async def _survey(settings: Settings) -> ClusterFacts:
    cluster = Cluster(kubeconfig=settings.kubeconfig, clock=SystemClock(), deadline=ANSWER_WITHIN)
    try:
        return await survey(cluster, Scope(server=settings.server_id, prefix=settings.kubernetes_namespace_prefix))
    finally:
        await cluster.close()


def _seen(settings: Settings, facts: ClusterFacts, machine: Machine) -> Seen:
    """Add the answer of kubectl to the facts."""
    answer = ask(machine, (settings.kubectl_binary, "version", "--client", "--output=json"), ANSWER_WITHIN)
    version, refusal = "", answer.refusal
    if answer.is_working:
        try:
            version = str(json.loads(answer.output)["clientVersion"]["gitVersion"])
        except (ValueError, KeyError, TypeError):
            refusal = "it prints no version"
    return Seen(settings=settings, cluster=facts, kubectl=version, kubectl_refusal=refusal)


def _number(text: str) -> tuple[int, int] | None:
    found = re.match(r"v?(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2])) if found and found[1] != "0" else None  # own builds may say v0.0.0-master


def _apply_rights() -> str:
    return f"kubectl apply -f {RIGHTS_FILE}"


def _set_class(classes: Mapping[str, bool]) -> str:
    return f"pvdify server install --set kubernetes_storage_class={next(iter(classes), 'NAME')}"
