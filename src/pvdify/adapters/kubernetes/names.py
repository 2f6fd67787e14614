"""Names, labels and paths of what pvdify makes in a cluster; pure."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from pvdify.model.endpoint import NO_ROUTE, Endpoint, NoRoute
from pvdify.model.instance import InstanceSpec, Role
from pvdify.model.names import app_of_instance

PREFIX = "pvdify.win/"
SERVER, APP, INSTANCE = PREFIX + "server", PREFIX + "app", PREFIX + "instance"
PROCESS, SLOT, ROLE = PREFIX + "process", PREFIX + "slot", PREFIX + "role"
VOLUME, PRIVATE = PREFIX + "volume", PREFIX + "private-network"
HELPER = PREFIX + "helper"  # a label of pods that mount a volume for pvdify: the claim's name
LIFE = PREFIX + "life"  # a label of the same pods: the life of pvdifyd in which they were made
INCOMPLETE = PREFIX + "incomplete"  # an annotation of a claim whose files are not all there yet
IDENTITY = PREFIX + "identity"  # an annotation: everything about the instance as JSON
STARTS, EXIT, RECORDED = PREFIX + "starts", PREFIX + "exit", PREFIX + "recorded"
POD = PREFIX + "pod"  # an annotation of a Deployment: the uid of the pod that is the instance, and its node
CONTAINER = "app"  # the name of the container in each pod
LONGEST = 52  # characters of an object's name, so that what controllers add still fits into 63
_UNUSABLE = re.compile(r"[^a-z0-9-]")


def object_name(text: str) -> str:
    """Return a name that Kubernetes accepts; it has a hash if it is not the text itself."""
    name = _UNUSABLE.sub("-", text.lower()).strip("-")
    if name == text and len(name) <= LONGEST:
        return name
    return f"{name[: LONGEST - 9].rstrip('-')}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def app_of(instance: str) -> str:
    """Return the app of an instance's name."""
    return app_of_instance(instance) or instance.removeprefix("pvdify-")


def label_of(id: str) -> str:
    """Return the label of the pods that may use a link."""
    return f"{PREFIX}link-{hashlib.sha256(id.encode()).hexdigest()[:12]}"


@dataclass(frozen=True, kw_only=True)
class Scope:
    """One server's share of a cluster: its id, and the beginning of its namespaces' names."""

    server: str
    prefix: str

    def namespace(self, app: str) -> str:
        """Return the app's namespace."""
        return f"{self.prefix}{app}"

    def app(self, namespace: str) -> str:
        """Return the app of a namespace."""
        return namespace.removeprefix(self.prefix)

    def selector(self, **labels: str) -> str:
        """Return the label selector for this server's objects; the keywords are without the prefix."""
        wanted = {SERVER: self.server} | {PREFIX + key.replace("_", "-"): value for key, value in labels.items()}
        return ",".join(f"{key}={value}" for key, value in wanted.items())

    def path(self, app: str, kind: str, name: str = "") -> str:
        """Return the path of an object in the app's namespace, or of all of this kind there."""
        group = _GROUPS[kind]
        return f"{group}/namespaces/{self.namespace(app)}/{kind}{f'/{name}' if name else ''}"

    def of_instance(self, name: str, kind: str) -> str:
        """Return the path of the object of this kind that belongs to an instance."""
        return self.path(app_of(name), kind, object_name(name))

    def everywhere(self, kind: str) -> str:
        """Return the path of all objects of a kind in all namespaces."""
        return f"{_GROUPS[kind]}/{kind}"


_GROUPS = {
    "pods": "/api/v1", "services": "/api/v1", "secrets": "/api/v1", "configmaps": "/api/v1", "events": "/api/v1",
    "persistentvolumeclaims": "/api/v1", "resourcequotas": "/api/v1", "limitranges": "/api/v1", "nodes": "/api/v1",
    "serviceaccounts": "/api/v1", "deployments": "/apis/apps/v1", "replicasets": "/apis/apps/v1",
    "networkpolicies": "/apis/networking.k8s.io/v1",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Identity:
    """What the annotation of an instance's object says of it."""

    name: str
    app: str
    process: str
    slot: int
    number: int
    role: Role
    operation: str
    endpoint: Endpoint | NoRoute = NO_ROUTE

    @classmethod
    def of(cls, spec: InstanceSpec) -> Self:
        """Return the identity of what is made from this spec."""
        return cls(
            name=spec.name, app=spec.app, process=spec.process, slot=spec.slot, number=spec.number, role=spec.role,
            operation=spec.operation, endpoint=NO_ROUTE if spec.exposed is NO_ROUTE else spec.exposed.at,
        )  # fmt: skip

    @classmethod
    def read(cls, metadata: Mapping[str, Any]) -> Self | None:
        """Return the identity in an object's annotations; None if there is none or it is invalid."""
        try:
            found = json.loads((metadata.get("annotations") or {})[IDENTITY])
            endpoint = found.pop("endpoint", "")
            one = cls(**(found | {"role": Role(found["role"])}))
            return replace(one, endpoint=Endpoint.parse(endpoint)) if endpoint else one
        except (KeyError, ValueError, TypeError):
            return None

    def annotation(self) -> str:
        """Return the text that ``read`` understands."""
        return json.dumps({
            "name": self.name, "app": self.app, "process": self.process, "slot": self.slot, "number": self.number,
            "role": self.role.value, "operation": self.operation,
            **({} if self.endpoint is NO_ROUTE else {"endpoint": str(self.endpoint)}),
        })  # fmt: skip

    def labels(self, server: str) -> dict[str, str]:
        """Return the labels by which the instance's objects are found."""
        return {
            SERVER: server, APP: self.app, INSTANCE: object_name(self.name), PROCESS: self.process,
            SLOT: str(self.slot), ROLE: self.role.value,
        }  # fmt: skip
