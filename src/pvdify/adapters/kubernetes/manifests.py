"""What an instance is in a cluster: builders of manifests from a spec; pure."""

import base64
import math
from collections.abc import Mapping
from dataclasses import dataclass

from pvdify.adapters.kubernetes.cluster import Json
from pvdify.adapters.kubernetes.names import (
    CONTAINER,
    EXIT,
    IDENTITY,
    INCOMPLETE,
    INSTANCE,
    POD,
    SERVER,
    STARTS,
    VOLUME,
    Identity,
    Scope,
    label_of,
    object_name,
)
from pvdify.model.endpoint import NO_ROUTE
from pvdify.model.instance import InstanceSpec, Role

# The same as on one machine: a program may start as root, change owners and users, and listen on port 80.
CAPABILITIES = ("CHOWN", "DAC_OVERRIDE", "FOWNER", "KILL", "NET_BIND_SERVICE", "SETGID", "SETUID")
PORT_NAME, SERVICE_PORT = "web", 80
LOST_NODE_SECONDS = 30  # after which a pod of a node that is away is started on another one
REGISTRIES = "pvdify-registries"  # the Secret with the logins for pulls
ACCOUNT = "pvdify-app"  # the service account of the pods, without a token
GROUP_OF_A_NAME = 1000  # gets the files of volumes if the image names its user in words
LARGEST_GROUP = 2**31 - 1
SMALL_CPU = 0.05  # the CPUs that the scheduler reserves for an instance


@dataclass(frozen=True, kw_only=True)
class Storage:
    """How claims are made: the class, empty for the cluster's default, and the bytes of each."""

    storage_class: str
    size: int


def service(scope: Scope, identity: Identity) -> Json:
    """Return the Service whose address is an instance's endpoint; it reaches the port that the pod names."""
    name = object_name(identity.name)
    return {
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": name, "namespace": scope.namespace(identity.app), "labels": identity.labels(scope.server)},
        "spec": {
            "type": "ClusterIP",
            "selector": {SERVER: scope.server, INSTANCE: name},
            "ports": [{"name": PORT_NAME, "port": SERVICE_PORT, "targetPort": PORT_NAME, "protocol": "TCP"}],
        },
    }  # fmt: skip


def secret(scope: Scope, spec: InstanceSpec) -> Json:
    """Return the Secret with the config vars. A service's may change, for its next start; all others are immutable."""
    identity = Identity.of(spec)
    data = {key: base64.b64encode(value.encode()).decode() for key, value in spec.environment.items()}
    return {
        "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
        "immutable": spec.role is not Role.SERVICE,
        "metadata": _metadata(scope, identity),
        "data": data,
    }  # fmt: skip


def owned_by(pod: Json) -> Json:
    """Return the change after which the cluster deletes an object once this pod is gone."""
    metadata = pod["metadata"]
    owner = {"apiVersion": "v1", "kind": "Pod", "name": metadata["name"], "uid": metadata["uid"]}
    return {"metadata": {"ownerReferences": [owner]}}


def marker(scope: Scope, spec: InstanceSpec, *, is_started: bool) -> Json:
    """Return the ConfigMap that records a container that runs once, so that it never runs twice."""
    metadata = _metadata(scope, Identity.of(spec))
    metadata["annotations"][STARTS] = "1" if is_started else "0"
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}


def claim(scope: Scope, app: str, volume: str, storage: Storage) -> Json:
    """Return the claim of a volume: one node mounts it at a time."""
    kind = {"storageClassName": storage.storage_class} if storage.storage_class else {}
    return {
        "apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": {
            "name": object_name(volume), "namespace": scope.namespace(app),
            "labels": {SERVER: scope.server, VOLUME: object_name(volume)}, "annotations": {VOLUME: volume},
        },
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": str(storage.size)}}, **kind},
    }  # fmt: skip


def is_incomplete(claim: Json) -> bool:
    """Return whether the files of a copy into this claim are not all there."""
    return INCOMPLETE in (claim["metadata"].get("annotations") or {})


def group_of(user: str) -> int | None:
    """Return the group that gets the files of volumes, for the user of an image; None for root, who may write anyway.

    It is one more group of the program, so any group works; the user's own keeps files the same for other mounts.
    """
    name, _, group = user.partition(":")
    if name in ("", "0", "root"):
        return None
    found = next((int(each) for each in (group, name) if each.isascii() and each.isdecimal()), GROUP_OF_A_NAME)
    return found if found <= LARGEST_GROUP else GROUP_OF_A_NAME


def deployment(scope: Scope, spec: InstanceSpec, *, starts: int, group: int | None = None) -> Json:
    """Return the Deployment of one instance; it has a replica from its first start on. ``group``: see ``group_of``."""
    metadata = _metadata(scope, Identity.of(spec))
    metadata["annotations"] |= {STARTS: str(starts), EXIT: "", POD: ""}
    labels = metadata["labels"]
    annotations = {IDENTITY: metadata["annotations"][IDENTITY]}
    return {
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": metadata,
        "spec": {
            "replicas": 1 if starts else 0,
            "revisionHistoryLimit": 0,
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": {SERVER: scope.server, INSTANCE: object_name(spec.name)}},
            "template": {
                "metadata": {"labels": labels | _links(spec), "annotations": annotations},
                "spec": {**pod_spec(spec, group), "restartPolicy": "Always", **_spread(labels)},
            },
        },
    }  # fmt: skip


def pod(
    scope: Scope, spec: InstanceSpec, *, group: int | None = None, has_input: bool = False, is_on_terminal: bool = False
) -> Json:
    """Return the pod of a container that runs once. ``has_input``: a client writes to it."""
    made = pod_spec(spec, group)
    if has_input:
        made["containers"][0] |= {"stdin": True, "stdinOnce": True, "tty": is_on_terminal}
    metadata = _metadata(scope, Identity.of(spec))
    metadata["labels"] |= _links(spec)
    return {
        "apiVersion": "v1", "kind": "Pod",
        "metadata": metadata,
        "spec": {**made, "restartPolicy": "Never"},
    }  # fmt: skip


def pod_spec(spec: InstanceSpec, group: int | None = None) -> Json:
    """Return the part of a pod's spec that all roles share. Nothing in it is a config var."""
    name = object_name(spec.name)
    made: Json = {
        "serviceAccountName": ACCOUNT,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "shareProcessNamespace": spec.has_init,  # the pause container is process 1, and collects orphans
        "terminationGracePeriodSeconds": grace_of(spec),
        "imagePullSecrets": [{"name": REGISTRIES}],
        "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [_container(spec, name)],
    }
    if spec.mounts:
        made["volumes"] = [_volume(number, mount.volume) for number, mount in enumerate(spec.mounts)]
    if group is not None:
        made["securityContext"] |= {"fsGroup": group, "fsGroupChangePolicy": "OnRootMismatch"}
    if spec.role is not Role.SERVICE and spec.networks:
        made["hostAliases"] = [{"ip": each.address, "hostnames": [each.hostname]} for each in spec.networks]
    return made


def disruption_budget(scope: Scope, spec: InstanceSpec, version: str) -> Json:
    """Return the budget of a slot: a drained node takes away one of its instances at a time."""
    labels, name = _of_slot(scope, spec), slot_name(spec.process, spec.slot)
    return {
        "apiVersion": f"policy/{version}", "kind": "PodDisruptionBudget",
        "metadata": {"name": name, "namespace": scope.namespace(spec.app), "labels": labels},
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": labels}},
    }  # fmt: skip


def slot_name(process: str, slot: int) -> str:
    """Return the name of what all instances of one process of a release share."""
    return object_name(f"{process}-v{slot}")


def pull_secret(scope: Scope, app: str, content: str) -> Json:
    """Return the Secret with which nodes pull the app's images. ``content``: as in ``~/.docker/config.json``."""
    return {
        "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/dockerconfigjson",
        "metadata": {"name": REGISTRIES, "namespace": scope.namespace(app), "labels": {SERVER: scope.server}},
        "data": {".dockerconfigjson": base64.b64encode(content.encode()).decode()},
    }  # fmt: skip


def ports_of(deployment: Json) -> tuple[int, ...]:
    """Return the ports of a service's Deployment."""
    spec = ((deployment.get("spec") or {}).get("template") or {}).get("spec") or {}
    return tuple(
        int(port["containerPort"]) for each in spec.get("containers") or () for port in each.get("ports") or ()
    )


def grace_of(spec: InstanceSpec) -> int:
    """Return the seconds between the stop signal and the kill; Kubernetes gives at least one."""
    return max(1, math.ceil(spec.stop_timeout))


def command(given: str | tuple[str, ...] | None) -> Json:
    """Return how a container is started: by the image's shell, a program's full path, or arguments for its own."""
    if isinstance(given, str):
        return {"command": ["/bin/sh", "-c", escaped(given)]}
    if given and given[0].startswith("/"):
        return {"command": [escaped(word) for word in given]}
    return {"args": [escaped(word) for word in given]} if given else {}


def escaped(word: str) -> str:
    """Return the word so that Kubernetes does not replace ``$(NAME)`` in it."""
    return word.replace("$(", "$$(")


def _container(spec: InstanceSpec, name: str) -> Json:
    memory = str(spec.limits.memory)
    cpu = {} if spec.limits.cpu is None else {"cpu": f"{math.ceil(spec.limits.cpu * 1000)}m"}
    requested = SMALL_CPU if spec.limits.cpu is None else min(SMALL_CPU, spec.limits.cpu)
    made: Json = {
        "name": CONTAINER, "image": spec.image_id, "imagePullPolicy": "IfNotPresent",
        **command(spec.command),
        "envFrom": [{"secretRef": {"name": name}}],
        "resources": {
            "limits": {"memory": memory, **cpu},
            "requests": {"memory": memory, "cpu": f"{math.ceil(requested * 1000)}m"},
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"], "add": list(dict.fromkeys((*CAPABILITIES, *spec.capabilities)))},
        },
        "terminationMessagePolicy": "File",
    }  # fmt: skip
    if spec.exposed is not NO_ROUTE:
        made["ports"] = [{"name": PORT_NAME, "containerPort": spec.exposed.port, "protocol": "TCP"}]
    elif spec.ports:
        made["ports"] = [{"containerPort": port, "protocol": "TCP"} for port in spec.ports]
    if spec.mounts:
        mounts = enumerate(spec.mounts)
        made["volumeMounts"] = [{"name": f"volume-{number}", "mountPath": mount.path} for number, mount in mounts]
    return made


def _links(spec: InstanceSpec) -> dict[str, str]:
    """Return the labels that let an app's pods reach the services that it is linked to."""
    return {} if spec.role is Role.SERVICE else {label_of(each.id): "1" for each in spec.networks}


def _volume(number: int, volume: str | None) -> Json:
    source: Json = {"emptyDir": {}}
    if volume is not None:
        source = {"persistentVolumeClaim": {"claimName": object_name(volume)}}
    return {"name": f"volume-{number}", **source}


def _spread(labels: Mapping[str, str]) -> Json:
    """Return where the scheduler puts it: the instances of one slot on different nodes, if it can."""
    away = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
    slot = {key: value for key, value in labels.items() if key != INSTANCE}
    return {
        "tolerations": [
            {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": LOST_NODE_SECONDS}
            for key in away
        ],
        "topologySpreadConstraints": [
            {
                "maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": slot},
            }
        ],
    }  # fmt: skip


def _of_slot(scope: Scope, spec: InstanceSpec) -> dict[str, str]:
    return {key: value for key, value in Identity.of(spec).labels(scope.server).items() if key != INSTANCE}


def _metadata(scope: Scope, identity: Identity) -> Json:
    return {
        "name": object_name(identity.name),
        "namespace": scope.namespace(identity.app),
        "labels": identity.labels(scope.server),
        "annotations": {IDENTITY: identity.annotation()},
    }
