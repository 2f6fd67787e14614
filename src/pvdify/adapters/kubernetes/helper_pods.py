"""Pods that mount a volume for pvdify: a container of the helper image in which kubectl runs commands."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from pvdify.adapters.kubernetes import manifests
from pvdify.adapters.kubernetes.archive import MOUNT
from pvdify.adapters.kubernetes.cluster import Cluster, Json, Refused
from pvdify.adapters.kubernetes.names import HELPER, LIFE, SERVER, Scope, object_name
from pvdify.errors import RuntimeUnavailable
from pvdify.ports.clock import Clock
from pvdify.timing import BackOff

CONTAINER = "helper"
LIFETIME = 6 * 3600  # seconds; after them, the cluster ends a helper that a killed pvdifyd has left
START_SECONDS = 180.0  # the longest that a start may take, with its pull
SCHEDULE_SECONDS = 30.0  # after which a helper that no node takes is an error
END_SECONDS = 30.0  # the longest that an end may take
LOOK_EVERY = 0.5
BACK_OFF = BackOff(first=5.0, longest=60.0)  # before the removal of a helper is repeated
_LIFE = secrets.token_hex(4)  # of this process
_NO_IMAGE = frozenset({"ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"})


class HelperFailed(Exception):
    """A helper did not start; the message says why."""


class HelperPods:
    """The helpers of one server.

    Args:
        cluster: the API server.
        scope: this server's share of the cluster.
        clock: the time.
        image: an image with ``/bin/sh`` and ``tar``.
    """

    def __init__(self, *, cluster: Cluster, scope: Scope, clock: Clock, image: str) -> None:
        self._cluster, self._scope, self._clock, self._image = cluster, scope, clock, image
        self._ending: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def open(self, app: str, volume: str, node: str) -> AsyncIterator[str]:
        """Start a helper with the volume, yield the pod's name, and remove the pod.

        ``node``: the one that has the volume mounted already; empty for any. Raises HelperFailed, RuntimeUnavailable.
        """
        name = f"{object_name(f'files-{volume}')}-{secrets.token_hex(3)}"
        path = self._scope.path(app, "pods", name)
        try:
            document = helper_pod(self._scope, app, name, volume, image=self._image, node=node)
            await self._cluster.create(self._scope.path(app, "pods"), document)
            await self._until_running(path)
            yield name
        except Refused as refused:
            raise HelperFailed(refused.message) from refused
        finally:
            await self._end(path)

    async def clear(self, volume: str = "") -> None:
        """Remove the helpers of one volume, or else all that a killed pvdifyd has left. Raises RuntimeUnavailable."""
        others = f"{HELPER}={object_name(volume)}" if volume else f"{HELPER},{LIFE}!={_LIFE}"
        selector = f"{self._scope.selector()},{others}"
        for pod in await self._cluster.objects(self._scope.everywhere("pods"), selector):
            metadata = pod["metadata"]
            await self._end(self._scope.path(self._scope.app(metadata["namespace"]), "pods", metadata["name"]))

    async def _until_running(self, path: str) -> None:
        begun = self._clock.monotonic()
        while True:
            pod = await self._cluster.get(path)
            if pod is None:
                raise HelperFailed("its helper pod was deleted")
            if _state(pod).get("running") is not None:
                return
            waited = self._clock.monotonic() - begun
            if problem := _problem(pod, self._image, waited):
                raise HelperFailed(problem)
            await self._clock.sleep(LOOK_EVERY)

    async def _end(self, path: str) -> None:
        """Remove the pod and wait for a while until its container has ended: it holds the volume until then.

        If the cluster does not answer, or the container does not end, the removal is repeated in the background.
        """
        try:
            is_gone = await self._has_ended(path, self._clock.monotonic() + END_SECONDS)
        except RuntimeUnavailable:
            is_gone = False
        if not is_gone:
            work = asyncio.create_task(self._end_for_certain(path))
            self._ending.add(work)
            work.add_done_callback(self._ending.discard)

    async def _end_for_certain(self, path: str) -> None:
        failures = 0
        while True:
            failures += 1
            await self._clock.sleep(BACK_OFF.pause(failures))
            with suppress(RuntimeUnavailable):
                if await self._has_ended(path, self._clock.monotonic() + END_SECONDS):
                    return

    async def _has_ended(self, path: str, deadline: float) -> bool:
        """Remove the pod; return whether it is gone before the deadline. Raises RuntimeUnavailable."""
        await self._cluster.delete(path, grace=1)
        while (pod := await self._cluster.get(path)) is not None and self._clock.monotonic() < deadline:
            if _state(pod).get("terminated") is not None or not (pod.get("spec") or {}).get("nodeName"):
                await self._cluster.delete(path, grace=0)  # the node may keep the object of an ended pod for a minute
            await self._clock.sleep(LOOK_EVERY)
        return pod is None


def helper_pod(scope: Scope, app: str, name: str, volume: str, *, image: str, node: str) -> Json:
    """Return the pod that waits with the volume mounted, on this node if one is given, even if it is cordoned."""
    made: Json = {
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": name, "namespace": scope.namespace(app),
            "labels": {SERVER: scope.server, HELPER: object_name(volume), LIFE: _LIFE},
        },
        "spec": {
            "restartPolicy": "Never", "activeDeadlineSeconds": LIFETIME, "terminationGracePeriodSeconds": 1,
            "serviceAccountName": manifests.ACCOUNT, "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "containers": [{
                "name": CONTAINER, "image": image, "command": ["/bin/sh", "-c", f"exec sleep {LIFETIME}"],
                "resources": {
                    "requests": {"memory": "32Mi", "cpu": "50m"}, "limits": {"memory": "256Mi"},
                },
                "terminationMessagePolicy": "FallbackToLogsOnError",
                "volumeMounts": [{"name": "volume", "mountPath": MOUNT}],
            }],
            "volumes": [{"name": "volume", "persistentVolumeClaim": {"claimName": object_name(volume)}}],
        },
    }  # fmt: skip
    if node:
        where = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}
        made["spec"]["affinity"] = {
            "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [where]}}
        }
        made["spec"]["tolerations"] = [{"operator": "Exists"}]
    return made


def _state(pod: Json) -> dict[str, Any]:
    """Return the state of the helper's container."""
    found: Json = next(iter((pod.get("status") or {}).get("containerStatuses") or ()), {})
    return dict(found.get("state") or {})


def _problem(pod: Json, image: str, waited: float) -> str:
    """Return why the helper does not start; "" if it still may."""
    status, state = pod.get("status") or {}, _state(pod)
    waiting = state.get("waiting") or {}
    if waiting.get("reason") in _NO_IMAGE:
        return f"no node can pull {image}: {waiting.get('message')}"
    if status.get("phase") == "Failed":
        ended = state.get("terminated") or {}
        return f"its helper pod failed: {ended.get('message') or ended.get('reason') or status.get('message')}"
    conditions = {each.get("type"): each for each in status.get("conditions") or ()}
    scheduled = conditions.get("PodScheduled") or {}
    if scheduled.get("status") == "False" and waited > SCHEDULE_SECONDS:
        return f"no node takes its helper pod: {scheduled.get('message')}"
    if waited > START_SECONDS:
        return f"its helper pod did not start within {START_SECONDS:g} s: {waiting.get('reason') or 'no reason given'}"
    return ""
