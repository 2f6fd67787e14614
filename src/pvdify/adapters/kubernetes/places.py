"""The ``places`` port on a cluster: a Service for each instance, whose address is known before anything starts."""

from collections.abc import Sequence

from pvdify.adapters.kubernetes import manifests
from pvdify.adapters.kubernetes.cluster import Cluster, Json, Refused, unavailable
from pvdify.adapters.kubernetes.manifests import SERVICE_PORT
from pvdify.adapters.kubernetes.names import ROLE, Identity, Scope, app_of, object_name
from pvdify.adapters.kubernetes.namespaces import Namespaces
from pvdify.errors import NoFreePort
from pvdify.model.endpoint import Endpoint
from pvdify.model.instance import Role
from pvdify.model.names import place_of_instance

_FULL = ("no more", "range is full", "exceeded quota")


class ServiceAddresses:
    """The addresses of Services. A Service that no record has any more is removed when the next one is asked for.

    Args:
        cluster: the API server.
        scope: this server's share of the cluster.
        namespaces: the namespaces of apps.
    """

    def __init__(self, *, cluster: Cluster, scope: Scope, namespaces: Namespaces) -> None:
        self._cluster, self._scope, self._namespaces = cluster, scope, namespaces

    async def reserve(
        self, asker: str, names: Sequence[str], taken: Sequence[Endpoint], runtime: str = ""
    ) -> tuple[Endpoint, ...]:  # fmt: skip
        del runtime
        known = {endpoint.host for endpoint in taken}
        here = await self._remove_stale(frozenset(names), known)
        found: list[Endpoint] = []
        for name in names:
            there = here.get(object_name(name))
            if there is not None and _address(there) in known:  # of an earlier instance of this name
                await self._cluster.delete(self._path(name))
            try:
                await self._namespaces.ensure(app_of(name))
                made = await self._cluster.apply(self._path(name), manifests.service(self._scope, _identity(name)))
            except Refused as refused:
                self._namespaces.forget(app_of(name))
                raise _none_left(asker, len(names), len(found), refused) from refused
            found.append(Endpoint(_address(made), SERVICE_PORT))
        return tuple(found)

    async def _remove_stale(self, asked: frozenset[str], known: set[str]) -> dict[str, Json]:
        """Remove Services of instances that are not on record; return the others by name."""
        selector = self._scope.selector(role=Role.INSTANCE.value)
        kept = {}
        for document in await self._cluster.objects(self._scope.everywhere("services"), selector):
            metadata = document["metadata"]
            wanted = metadata["name"] in {object_name(name) for name in asked}
            if wanted or _address(document) in known or ROLE not in metadata.get("labels", {}):
                kept[str(metadata["name"])] = document
            else:
                path = f"/api/v1/namespaces/{metadata['namespace']}/services/{metadata['name']}"
                await self._cluster.delete(path)
        return kept

    def _path(self, name: str) -> str:
        return self._scope.path(app_of(name), "services", object_name(name))


def _identity(name: str) -> Identity:
    """Return what the name says of an instance that is still to come."""
    process, slot, number = place_of_instance(name) or ("web", 0, 0)
    return Identity(
        name=name, app=app_of(name), process=process, slot=slot, number=number, role=Role.INSTANCE, operation=""
    )


def _address(document: Json) -> str:
    return str((document.get("spec") or {}).get("clusterIP") or "")


def _none_left(asker: str, wanted: int, got: int, refused: Refused) -> Exception:
    if any(word in refused.message for word in _FULL):
        return NoFreePort(
            f"{asker} needs {wanted} more addresses, {got} are free",
            why=f"the cluster gives no further one: {refused.message}",
            next="remove apps that are not needed, or give the cluster a larger range of Service addresses",
        )
    return unavailable(refused)
