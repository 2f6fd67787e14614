"""How an instance is brought down, so that nothing of it runs afterwards: neither its pod nor one in place of it."""

import math
from collections.abc import Iterable

from pvdify.adapters.kubernetes import causes, pods
from pvdify.adapters.kubernetes.cluster import Cluster, Json
from pvdify.adapters.kubernetes.names import INSTANCE, Scope, app_of, object_name
from pvdify.adapters.kubernetes.pods import Ended, Pod
from pvdify.adapters.kubernetes.watch import Watch
from pvdify.errors import RuntimeHangs
from pvdify.model.instance import Exit
from pvdify.ports.clock import Clock

STOP_SECONDS = 60.0  # what a stop may take beyond its grace
NODE_SECONDS = 10.0  # after which a node has begun to act on the deletion of a pod
LOOK_EVERY = 1.0  # seconds between two checks without a report of the watch
ASK_EVERY = 0.05  # seconds between two questions about a controller, which acts within a tenth of a second
GONE = Exit(code=pods.KILLED)


class Endings:
    """The ends of the instances of one server in a cluster.

    Args:
        cluster: the API server.
        scope: this server's share of the cluster.
        clock: the time.
        watch: the state of this server's pods.
    """

    def __init__(self, *, cluster: Cluster, scope: Scope, clock: Clock, watch: Watch) -> None:
        self._cluster, self._scope, self._clock, self._watch = cluster, scope, clock, watch
        self._killed: set[str] = set()  # uids of pods that were to be killed at once

    async def bring_down(self, name: str, grace: float) -> Exit | None:
        """End the instance's pods, by a kill after ``grace`` seconds, and wait until they have ended.

        Returns how the instance ended; None if it had no pod. Raises RuntimeHangs, RuntimeUnavailable.
        """
        seconds = max(1, math.ceil(grace))
        before = await self._fetch(name, is_killed=grace == 0)  # marked before anything ends them
        await self._make_no_more(name)
        there = await self._fetch(name, is_killed=grace == 0) | before
        for pod in there.values():
            await self._cluster.delete(self._pod_path(pod), grace=seconds, uid=pod.uid)
        deadline = self._clock.monotonic() + seconds + STOP_SECONDS
        ends = {pod.uid: await self._until_over(pod, deadline) for pod in there.values()}
        newest = pods.current(before.values())
        return None if newest is None else ends[newest.uid]

    async def delete_ended(self, name: str) -> None:
        """Delete the pods that were brought down: a node may keep the object of one for a minute."""
        for pod in self._watch.of(name):
            if pod.ended is not None:
                await self._cluster.delete(self._pod_path(pod), grace=0, uid=pod.uid)

    def exit_of(self, uid: str, ended: Ended | None) -> Exit:
        """Return the end of a pod; one that was to be killed at once may have had a second to end by itself."""
        if ended is None or (uid in self._killed and not ended.exit.is_out_of_memory):
            return GONE
        return ended.exit

    async def _make_no_more(self, name: str) -> None:
        """Wait until the cluster makes no pod of the instance any more, also not in place of one that is deleted."""
        path = self._scope.of_instance(name, "deployments")
        deployment = await self._cluster.merge(path, {"spec": {"replicas": 0}})
        deadline = self._clock.monotonic() + STOP_SECONDS
        while deployment is not None:
            if _is_seen(deployment) and all(_makes_none(each) for each in await self._replica_sets(name)):
                return
            if self._clock.monotonic() > deadline:
                raise RuntimeHangs(
                    f"{name} is not scaled down", why="the cluster's controllers do not act on its Deployment",
                    next="`kubectl get pods --namespace kube-system` shows whether they run; it is tried again",
                )  # fmt: skip
            await self._clock.sleep(ASK_EVERY)
            deployment = await self._cluster.get(path)

    async def _until_over(self, pod: Pod, deadline: float) -> Exit:
        """Wait until the container of a deleted pod has ended for good, and return how; its object may stay longer.

        ``pod``: as it was before it was deleted. Its node may have begun to start the container then, for the first
        time, or again if it had ended. So only a later end counts, or that the node has had time to act.
        """
        name, begun = pod.identity.name, self._clock.monotonic()
        while (time := self._clock.monotonic()) < deadline:
            now = next((each for each in self._watch.of(name) if each.uid == pod.uid), None)
            if now is None:
                if await self._is_gone(pod):
                    return self.exit_of(pod.uid, pod.ended)
            elif now.is_failed or now.is_lost:
                return self.exit_of(pod.uid, now.ended)
            elif now.is_ending and now.running_since is None:
                is_later = now.ended is not None and now.ended != pod.ended
                if is_later or causes.is_not_pulled(now) or time - begun > NODE_SECONDS:
                    return self.exit_of(pod.uid, now.ended)
            await self._watch.change(name, LOOK_EVERY)
        raise RuntimeHangs(
            f"{name} did not end", why=f"its pod {pod.name} still runs on {pod.node or 'no node'}",
            next=f"`kubectl describe pod {pod.name}` shows why; it is tried again",
        )  # fmt: skip

    async def _fetch(self, name: str, *, is_killed: bool) -> dict[str, Pod]:
        """Return the instance's pods by uid; ``is_killed``: those that have not ended are to be killed at once."""
        there = {pod.uid: pod for pod in await self._watch.fetch(app_of(name)) if pod.identity.name == name}
        if is_killed:
            self._killed |= {uid for uid, pod in there.items() if not pod.is_over}
        return there

    async def _replica_sets(self, name: str) -> Iterable[Json]:
        selector = f"{self._scope.selector()},{INSTANCE}={object_name(name)}"
        return await self._cluster.objects(self._scope.path(app_of(name), "replicasets"), selector)

    async def _is_gone(self, pod: Pod) -> bool:
        """Return whether the pod is deleted; the watch may not have reported a new one yet."""
        there = await self._cluster.get(self._pod_path(pod))
        return there is None or there["metadata"]["uid"] != pod.uid

    def _pod_path(self, pod: Pod) -> str:
        return self._scope.path(pod.identity.app, "pods", pod.name)


def _is_seen(document: Json) -> bool:
    """Return whether the object's controller has acted on its newest version."""
    observed = (document.get("status") or {}).get("observedGeneration") or 0
    return int(observed) >= int(document["metadata"].get("generation") or 0)


def _makes_none(replica_set: Json) -> bool:
    return int(replica_set["spec"].get("replicas") or 0) == 0 and _is_seen(replica_set)
