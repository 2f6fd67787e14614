"""What an instance needs in the cluster before it starts: namespace, logins, claims, config vars, its address."""

import asyncio
from collections.abc import Callable

from pvdify.adapters.kubernetes import causes, manifests
from pvdify.adapters.kubernetes.cluster import Cluster, Refused, unavailable
from pvdify.adapters.kubernetes.manifests import Storage
from pvdify.adapters.kubernetes.names import Identity, Scope, object_name
from pvdify.adapters.kubernetes.namespaces import Namespaces
from pvdify.adapters.kubernetes.private_networks import ClusterPrivateNetworks
from pvdify.errors import RuntimeUnavailable, naming_cause
from pvdify.model.endpoint import NO_ROUTE
from pvdify.model.instance import InstanceSpec
from pvdify.model.names import place_of_instance

_KIND_OF_CLAIM = "persistentvolumeclaims"


class Prerequisites:
    """Makes these objects. Every method can be repeated.

    Args:
        cluster: the API server.
        scope: this server's share of the cluster.
        namespaces: the namespaces of apps.
        networks: connects a service to its links.
        storage: how claims are made.
        logins: returns the logins for pulls in the namespace of this app, by its present or a former name, as in
            ``~/.docker/config.json``; empty for none.
        user_of: returns with whom the program of an image starts; "" for root. Raises OSError.
    """

    def __init__(
        self, *, cluster: Cluster, scope: Scope, namespaces: Namespaces, networks: ClusterPrivateNetworks,
        storage: Storage, logins: Callable[[str], str], user_of: Callable[[str], str],
    ) -> None:  # fmt: skip
        self._cluster, self._scope, self._namespaces, self._networks = cluster, scope, namespaces, networks
        self._storage, self._logins, self._user_of = storage, logins, user_of
        self._pulls: dict[str, tuple[int, str]] = {}  # app -> how often its namespace was made, its logins
        self._policy = ""

    async def bring(self, spec: InstanceSpec) -> None:
        """Make everything that the instance needs. Raises StartFailed, RuntimeUnavailable."""
        try:
            await self._bring(spec)
        except Refused as refused:
            if refused.status != 404:  # the namespace was deleted past pvdify
                raise causes.not_made(spec, refused.message) from refused
            self._namespaces.forget(spec.app)
            try:
                await self._bring(spec)
            except Refused as again:
                raise causes.not_made(spec, again.message) from again

    async def group(self, spec: InstanceSpec) -> int | None:
        """Return the group that gets the files of the instance's volumes; None if it needs none."""
        if all(mount.volume is None for mount in spec.mounts):
            return None
        with naming_cause(
            RuntimeUnavailable, "what is known of images cannot be read",
            next="check the disk of the server's data directory; running apps keep running",
        ):  # fmt: skip
            return manifests.group_of(await asyncio.to_thread(self._user_of, spec.image_id))

    async def protect(self, spec: InstanceSpec) -> None:
        """Give the slot its PodDisruptionBudget. Raises Refused, RuntimeUnavailable."""
        if not self._policy:
            self._policy = "v1" if await self._cluster.get("/apis/policy/v1") is not None else "v1beta1"
        document = manifests.disruption_budget(self._scope, spec, self._policy)
        await self._cluster.apply(self._budget(spec.app, manifests.slot_name(spec.process, spec.slot)), document)

    async def unprotect(self, app: str, instance: str) -> None:
        """Remove the budget of the instance's slot, if no instance of it is left. Raises RuntimeUnavailable."""
        place = place_of_instance(instance)
        if place is None:
            return
        process, slot, _ = place
        selector = self._scope.selector(process=process, slot=str(slot))
        left = await self._cluster.objects(self._scope.path(app, "deployments"), selector)
        if self._policy and not any(not each["metadata"].get("deletionTimestamp") for each in left):
            await self._cluster.delete(self._budget(app, manifests.slot_name(process, slot)))

    async def bring_logins(self, app: str) -> None:
        """Give the app's namespace the logins for its pulls, if they are others than before."""
        content = self._logins(app)
        wanted = self._namespaces.made(app), content
        if self._pulls.get(app) == wanted:
            return
        path = self._scope.path(app, "secrets", manifests.REGISTRIES)
        if content:
            await self._cluster.apply(path, manifests.pull_secret(self._scope, app, content))
        else:
            await self._cluster.delete(path)
        self._pulls[app] = wanted

    async def renew_logins(self) -> None:
        """Give every namespace that has logins the present ones. Raises RuntimeUnavailable."""
        for app in list(self._pulls):
            try:
                await self.bring_logins(app)
            except Refused as refused:
                if refused.status != 404:
                    raise unavailable(refused) from refused
                self._pulls.pop(app, None)

    async def _bring(self, spec: InstanceSpec) -> None:
        await self._namespaces.ensure(spec.app)
        await self.bring_logins(spec.app)
        for volume in sorted({mount.volume for mount in spec.mounts if mount.volume is not None}):
            path = self._scope.path(spec.app, _KIND_OF_CLAIM, object_name(volume))
            there = await self._cluster.get(path)
            if there is not None and manifests.is_incomplete(there):
                raise causes.incomplete(spec, volume)
            if there is None:
                await self._cluster.apply(path, manifests.claim(self._scope, spec.app, volume, self._storage))
        await self._bring_config(spec)
        await self._networks.bring(spec)
        if spec.exposed is not NO_ROUTE:
            document = manifests.service(self._scope, Identity.of(spec))
            document["spec"]["clusterIP"] = spec.exposed.at.host
            path = self._scope.path(spec.app, "services", object_name(spec.name))
            await self._cluster.apply(path, document)

    async def _bring_config(self, spec: InstanceSpec) -> None:
        path = self._scope.path(spec.app, "secrets", object_name(spec.name))
        wanted = manifests.secret(self._scope, spec)
        there = await self._cluster.get(path)
        if there is not None and there.get("immutable"):
            if (there.get("data") or {}) == wanted["data"]:
                return
            await self._cluster.delete(path)
        await self._cluster.apply(path, wanted)

    def _budget(self, app: str, name: str) -> str:
        return f"/apis/policy/{self._policy}/namespaces/{self._scope.namespace(app)}/poddisruptionbudgets/{name}"
