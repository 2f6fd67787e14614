"""The ``volumes`` port on a cluster: a PersistentVolumeClaim for each volume, in its app's namespace."""

from collections.abc import Mapping

from pvdify.adapters.kubernetes import manifests
from pvdify.adapters.kubernetes.cluster import Cluster, Json, Refused
from pvdify.adapters.kubernetes.inspector import SIZES, quantity
from pvdify.adapters.kubernetes.manifests import Storage
from pvdify.adapters.kubernetes.names import HELPER, SERVER, VOLUME, Scope, object_name
from pvdify.adapters.kubernetes.namespaces import Namespaces
from pvdify.errors import RuntimeUnavailable, VolumeInUse, VolumeNotCopied
from pvdify.ports.clock import Clock

COPY_SECONDS = 3600.0  # the longest that a copy may take
GONE_SECONDS = 60.0  # the longest that a claim may take to go
LOOK_EVERY = 0.5
_CLAIMS = "persistentvolumeclaims"


class ClusterVolumes:
    """The claims of one server.

    Args:
        cluster: the API server.
        scope: this server's share of the cluster.
        clock: the time.
        namespaces: the namespaces of apps.
        storage: how claims are made.
        helper_image: an image with ``/bin/sh`` and ``cp``, for copies.
    """

    def __init__(
        self, *, cluster: Cluster, scope: Scope, clock: Clock, namespaces: Namespaces, storage: Storage,
        helper_image: str,
    ) -> None:  # fmt: skip
        self._cluster, self._scope, self._clock = cluster, scope, clock
        self._namespaces, self._storage, self._helper_image = namespaces, storage, helper_image

    async def survives_rename(self, id: str) -> bool:  # noqa: ARG002 - see the port
        """See the port. A claim is in the namespace of its app, and cannot change its namespace."""
        return False

    async def find(self) -> Mapping[str, str]:
        return {id: app for id, (app, _) in (await self._claims()).items()}

    async def size(self, id: str) -> int | None:
        """See the port. The size of the claim: what the cluster reserves, not what the files take."""
        try:
            claim = (await self._claims()).get(id)
        except RuntimeUnavailable:
            return None
        return None if claim is None else size_of(claim[1])

    async def sizes(self) -> Mapping[str, int]:
        """Return the bytes that the claims of each app reserve. Raises RuntimeUnavailable."""
        found: dict[str, int] = {}
        for app, document in (await self._claims()).values():
            found[app] = found.get(app, 0) + (size_of(document) or 0)
        return found

    async def copy(self, source: str, target: str, app: str) -> None:
        """See the port. A pod with both claims copies; the nodes pull its image from the helper's registry."""
        await self._namespaces.ensure(app)
        if target in await self._claims():
            await self.remove(target)
        name = object_name(f"copy-{target}")
        path = self._scope.path(app, "pods", name)
        try:
            claim = manifests.claim(self._scope, app, target, self._storage)
            await self._cluster.apply(self._scope.path(app, _CLAIMS, object_name(target)), claim)
            await self._cluster.delete(path, grace=1)
            document = copy_pod(self._scope, app, name, (source, target), self._helper_image)
            await self._cluster.create(self._scope.path(app, "pods"), document)
            await self._until_copied(source, path)
        except Refused as refused:
            raise _not_copied(source, refused.message) from refused
        finally:
            await self._cluster.delete(path, grace=1)

    async def remove(self, id: str) -> None:
        claim = (await self._claims()).get(id)
        if claim is None:
            return
        app, name = claim[0], object_name(id)
        if await self._is_used(app, name):
            raise VolumeInUse(
                f"the volume {id} was not removed", why="an instance still mounts it",
                next="`pvdify ps` shows what runs",
            )  # fmt: skip
        path = self._scope.path(app, _CLAIMS, name)
        await self._cluster.delete(path)
        deadline = self._clock.monotonic() + GONE_SECONDS
        while await self._cluster.get(path) is not None and self._clock.monotonic() < deadline:
            await self._clock.sleep(LOOK_EVERY)

    async def discard(self, id: str) -> None:
        """Remove a volume, as soon as the cluster has removed the pods of its instances, which are gone.

        Raises VolumeInUse, RuntimeUnavailable.
        """
        deadline = self._clock.monotonic() + GONE_SECONDS
        while True:
            try:
                return await self.remove(id)
            except VolumeInUse:
                if self._clock.monotonic() > deadline:
                    raise
            await self._clock.sleep(LOOK_EVERY)

    async def _claims(self) -> dict[str, tuple[str, Json]]:
        """Return app and claim by the volume's id."""
        found = {}
        for document in await self._cluster.objects(self._scope.everywhere(_CLAIMS), self._scope.selector()):
            metadata = document["metadata"]
            id = (metadata.get("annotations") or {}).get(VOLUME)
            if id and not metadata.get("deletionTimestamp"):
                found[str(id)] = (self._scope.app(str(metadata["namespace"])), document)
        return found

    async def node_of(self, id: str) -> str | None:
        """Return the node on which an instance mounts the volume; "" before it has one; None if no instance does.

        Raises RuntimeUnavailable.
        """
        claim = (await self._claims()).get(id)
        if claim is None:
            return None
        app, name = claim[0], object_name(id)
        nodes = [str(each["spec"].get("nodeName") or "") for each in await self._pods_with(app, name)]
        return max(nodes) if nodes else "" if await self._is_wanted(app, name) else None

    async def is_in_use(self, id: str) -> bool:
        """Return whether an instance or a command mounts the volume.

        First waits until the cluster has removed pods of instances that are gone. Raises RuntimeUnavailable.
        """
        claim = (await self._claims()).get(id)
        if claim is None:
            return False
        app, name = claim[0], object_name(id)
        deadline = self._clock.monotonic() + GONE_SECONDS
        while pods := await self._pods_with(app, name):
            is_leftover = all(each["metadata"].get("ownerReferences") for each in pods)
            if not is_leftover or await self._is_wanted(app, name) or self._clock.monotonic() > deadline:
                return True
            await self._clock.sleep(LOOK_EVERY)
        return await self._is_wanted(app, name)

    async def _pods_with(self, app: str, claim: str) -> list[Json]:
        """Return the pods that mount the claim, without helpers and those that have ended."""
        return [each for each in await self._pods(app) if not _is_harmless(each) and _mounts(each["spec"], claim)]

    async def _is_wanted(self, app: str, claim: str) -> bool:
        """Return whether a Deployment has a replica that mounts the claim."""
        wanted = [each["spec"] for each in await self._deployments(app) if each["spec"].get("replicas")]
        return any(_mounts(each["template"]["spec"], claim) for each in wanted)

    async def _is_used(self, app: str, claim: str) -> bool:
        """Return whether an instance or a pod that has not ended mounts the claim."""
        specs = [each["spec"]["template"]["spec"] for each in await self._deployments(app)]
        specs += [each["spec"] for each in await self._pods(app)]
        return any(_mounts(each, claim) for each in specs)

    async def _deployments(self, app: str) -> list[Json]:
        return await self._cluster.objects(self._scope.path(app, "deployments"), self._scope.selector())

    async def _pods(self, app: str) -> list[Json]:
        """Return the pods of the app that have not ended."""
        found = await self._cluster.objects(self._scope.path(app, "pods"), self._scope.selector())
        return [each for each in found if (each.get("status") or {}).get("phase") not in ("Succeeded", "Failed")]

    async def _until_copied(self, source: str, path: str) -> None:
        deadline = self._clock.monotonic() + COPY_SECONDS
        while self._clock.monotonic() < deadline:
            status = ((await self._cluster.get(path)) or {}).get("status") or {}
            if status.get("phase") == "Succeeded":
                return
            if status.get("phase") == "Failed":
                ends = [each["state"].get("terminated") or {} for each in status.get("containerStatuses") or ()]
                raise _not_copied(
                    source, next((str(it.get("message") or it.get("reason")) for it in ends), "it failed")
                )
            waiting = [each["state"].get("waiting") or {} for each in status.get("containerStatuses") or ()]
            if any(each.get("reason") in ("ImagePullBackOff", "InvalidImageName") for each in waiting):
                raise _not_copied(source, f"no node can pull {self._helper_image}: {waiting[0].get('message')}")
            await self._clock.sleep(LOOK_EVERY)
        raise _not_copied(source, f"it was not done within {COPY_SECONDS / 60:g} minutes")


def copy_pod(scope: Scope, app: str, name: str, volumes: tuple[str, str], image: str) -> Json:
    """Return the pod that copies everything in the first volume into the second one, with owners, modes and times."""
    names = ("source", "target")
    return {
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": scope.namespace(app), "labels": {SERVER: scope.server}},
        "spec": {
            "restartPolicy": "Never", "serviceAccountName": manifests.ACCOUNT, "automountServiceAccountToken": False,
            "containers": [{
                "name": "copy", "image": image, "command": ["/bin/sh", "-c", "cp -a /source/. /target/"],
                "terminationMessagePolicy": "FallbackToLogsOnError",
                "volumeMounts": [{"name": each, "mountPath": f"/{each}"} for each in names],
            }],
            "volumes": [
                {"name": each, "persistentVolumeClaim": {"claimName": object_name(id)}}
                for each, id in zip(names, volumes, strict=True)
            ],
        },
    }  # fmt: skip


def size_of(claim: Json) -> int | None:
    """Return the bytes that the claim has got, or asks for until then."""
    got = ((claim.get("status") or {}).get("capacity") or {}).get("storage")
    asked = claim["spec"]["resources"]["requests"]["storage"]
    try:
        return int(quantity(str(got or asked), SIZES))
    except (KeyError, ValueError):
        return None


def _is_harmless(pod: Json) -> bool:
    """Return whether the pod is a helper, or is being deleted and has ended: its node may keep it for a minute."""
    metadata = pod["metadata"]
    states = [each.get("state") or {} for each in (pod.get("status") or {}).get("containerStatuses") or ()]
    has_ended = bool(states) and not any(each.get("running") is not None for each in states)
    return HELPER in (metadata.get("labels") or {}) or (bool(metadata.get("deletionTimestamp")) and has_ended)


def _mounts(spec: Json, claim: str) -> bool:
    sources = (each.get("persistentVolumeClaim") or {} for each in spec.get("volumes") or ())
    return any(each.get("claimName") == claim for each in sources)


def _not_copied(source: str, why: str) -> VolumeNotCopied:
    return VolumeNotCopied(
        f"the volume {source} was not copied", why=why,
        next="`kubectl get events` in the app's namespace shows more; then try again",
    )  # fmt: skip
