"""The ``instances`` port on a cluster: a Deployment of one replica for each instance, a pod for what runs once."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import replace

from pvdify.adapters.kubernetes import causes, found, manifests, pods
from pvdify.adapters.kubernetes.cluster import Cluster, Json, Refused, unavailable
from pvdify.adapters.kubernetes.collector import Collector
from pvdify.adapters.kubernetes.endings import GONE, Endings
from pvdify.adapters.kubernetes.moves import Moves
from pvdify.adapters.kubernetes.names import EXIT, RECORDED, Scope, app_of
from pvdify.adapters.kubernetes.pods import Pod
from pvdify.adapters.kubernetes.prerequisites import Prerequisites
from pvdify.adapters.kubernetes.watch import Watch
from pvdify.errors import RuntimeUnavailable, StartFailed
from pvdify.model.instance import Exit, FoundInstance, InstanceSpec, Restart
from pvdify.ports.clock import Clock

START_SECONDS = 180.0  # the longest that a start may take, with its pull
SCHEDULE_SECONDS = 30.0  # after which a pod that no node takes is an error; a cluster may be adding a node
# Nodes pull again after 10 s, and after 20 s more: one may not have a new login yet, or the network may have failed.
PULL_AGAIN_SECONDS = 40.0
QUICK_SECONDS = 5.0  # the longest that the first question whether an instance runs may take
CAUSE_SECONDS = 3.0  # in which a node says whether a kill was for the memory limit
LOOK_EVERY = 5.0  # seconds between two checks without a report of the watch


class ClusterInstances:
    """The instances of one server in a cluster.

    Args:
        cluster: the API server.
        scope: this server's share of the cluster.
        clock: the time.
        prerequisites: makes what an instance needs before it starts.
        watch: the state of this server's pods.
        collector: keeps what they write.
        forget_output: removes the output of a container that ran once.
    """

    def __init__(
        self, *, cluster: Cluster, scope: Scope, clock: Clock, prerequisites: Prerequisites, watch: Watch,
        collector: Collector, forget_output: Callable[[str], Awaitable[None]],
    ) -> None:  # fmt: skip
        self._cluster, self._scope, self._clock = cluster, scope, clock
        self._prerequisites, self._watch, self._collector = prerequisites, watch, collector
        self._forget_output = forget_output
        self._moves = Moves(cluster=cluster, scope=scope, watch=watch)
        self._endings = Endings(cluster=cluster, scope=scope, clock=clock, watch=watch)

    async def find(self, app: str | None = None) -> tuple[FoundInstance, ...]:
        await self._watch.begin()
        selector = self._scope.selector() if app is None else self._scope.selector(app=app)
        deployments = await self._cluster.objects(self._scope.everywhere("deployments"), selector)
        markers = await self._cluster.objects(self._scope.everywhere("configmaps"), selector)
        if app is None:
            self._moves.learn(deployments)
        return found.instances(deployments, markers, await self._watch.fetch(app))

    async def is_running(self, name: str) -> bool:
        with suppress(RuntimeUnavailable, TimeoutError):
            async with asyncio.timeout(QUICK_SECONDS):
                await self._watch.begin()
        return self._runs(name)

    async def start(self, spec: InstanceSpec) -> None:
        spec = _at_home(spec)
        await self._watch.begin()
        if spec.role.is_kept_running:
            await self._start_kept(spec)
        else:
            await self._start_once(spec)

    async def create(self, spec: InstanceSpec) -> None:
        spec = _at_home(spec)
        await self._watch.begin()
        kind = "deployments" if spec.role.is_kept_running else "configmaps"
        if await self._cluster.get(self._scope.of_instance(spec.name, kind)) is None:
            document = (
                await self._deployment(spec, 0) if spec.role.is_kept_running
                else manifests.marker(self._scope, spec, is_started=False)
            )  # fmt: skip
            await self._make(spec, kind, document)

    async def refresh(self, spec: InstanceSpec) -> None:
        """See the port. A running pod keeps its environment, also for commands that enter it, until its next start."""
        await self._prerequisites.bring(_at_home(spec))

    async def stop(self, name: str, grace: float) -> None:
        await self._watch.begin()
        ended = await self._endings.bring_down(name, grace)
        await self._collector.drain(name)
        if ended is not None:
            annotation = {"metadata": {"annotations": {EXIT: found.exit_text(ended)}}}
            if await self._cluster.merge(self._scope.of_instance(name, "deployments"), annotation) is None:
                await self._cluster.merge(self._scope.of_instance(name, "configmaps"), annotation)
        await self._endings.delete_ended(name)

    async def remove(self, name: str) -> None:
        await self._watch.begin()
        await self._endings.bring_down(name, 0)
        await self._collector.drain(name)
        await self._endings.delete_ended(name)
        for kind in ("deployments", "services", "secrets", "configmaps"):
            await self._cluster.delete(self._scope.of_instance(name, kind))
        await self._prerequisites.unprotect(app_of(name), name)
        self._collector.forget(name)
        await self._forget_output(name)

    async def wait_down(self, name: str) -> None:
        await self._watch.begin()
        while self._runs(name) or await self._is_coming(name):
            await self._watch.change(name, LOOK_EVERY)

    async def wait(self, name: str) -> Exit:
        await self._watch.begin()
        seen = self._watch.current(name)
        while True:
            pod = self._watch.current(name)
            if pod is None or not pod.is_up:
                ended = await self._ended(name, seen, pod)
                if ended is not None:
                    await self._collector.drain(name)
                    return await self._with_cause(name, pod, ended)
            elif seen is not None and seen.is_up and seen.run != pod.run:  # it ended, and runs again already
                await self._collector.drain(name)
                return self._endings.exit_of(seen.uid, pod.last if seen.uid == pod.uid else None)
            seen = pod
            await self._watch.change(name, LOOK_EVERY)

    async def restarts(self) -> tuple[Restart, ...]:
        """See the port. Of several restarts of one pod between two calls, only the last one is returned."""
        await self._watch.begin()
        restarted = tuple(
            Restart(name=pod.identity.name, at=pod.last.at, exit=pod.last.exit)
            for pod in self._watch.all()
            if pod.last is not None and pod.restarts > pod.recorded and pod.identity.role.is_kept_running
        )
        return (*restarted, *(await self._moves.find()))

    async def forget_restarts(self, restarts: Sequence[Restart]) -> None:
        await self._moves.note(restarts)
        returned = {(each.name, each.at) for each in restarts}
        for pod in self._watch.all():
            if pod.last is not None and (pod.identity.name, pod.last.at) in returned:
                await self._cluster.merge(
                    self._pod_path(pod), {"metadata": {"annotations": {RECORDED: str(pod.restarts)}}}
                )

    async def _start_kept(self, spec: InstanceSpec) -> None:
        there = await self._cluster.get(self._scope.of_instance(spec.name, "deployments"))
        before = found.starts(there)
        if there is not None and int(there["spec"].get("replicas") or 0) > 0:
            if await self._is_up_now(spec):
                return
            before -= 1  # it is being started already
        await self._make(spec, "deployments", await self._deployment(spec, max(0, before) + 1))
        self._moves.expect(spec.name)
        await self._await_start(spec)

    async def _start_once(self, spec: InstanceSpec) -> None:
        """Start a container that runs once; do nothing if it has been started before."""
        there = await self._cluster.get(self._scope.of_instance(spec.name, "configmaps"))
        if found.starts(there) == 0:
            await self._make(spec, "configmaps", manifests.marker(self._scope, spec, is_started=True))
            try:
                document = manifests.pod(self._scope, spec, group=await self._prerequisites.group(spec))
                await self._cluster.create(self._scope.path(spec.app, "pods"), document)
            except Refused as refused:
                if refused.reason != "AlreadyExists":
                    await self.remove(spec.name)
                    raise causes.not_made(spec, refused.message) from refused
        await self._await_start(spec)

    async def _deployment(self, spec: InstanceSpec, starts: int) -> Json:
        return manifests.deployment(self._scope, spec, starts=starts, group=await self._prerequisites.group(spec))

    async def _make(self, spec: InstanceSpec, kind: str, document: Json) -> None:
        """Apply the object after what it needs. Raises StartFailed, RuntimeUnavailable."""
        await self._prerequisites.bring(spec)
        try:
            await self._cluster.apply(self._scope.of_instance(spec.name, kind), document)
            if spec.role.is_kept_running:
                await self._prerequisites.protect(spec)
        except Refused as refused:
            if refused.status in (401, 403) and "cannot" in refused.message:
                raise unavailable(refused) from refused
            raise causes.not_made(spec, refused.message) from refused

    async def _await_start(self, spec: InstanceSpec) -> None:
        """Wait until the program runs or has run. If it does not start, remove it and raise StartFailed."""
        begun, pull = self._clock.monotonic(), ""
        failed_at: float | None = None
        while True:
            now, pod = self._clock.monotonic(), self._watch.current(spec.name)
            if pod is not None and not pod.is_ending and (pod.has_run or pod.is_up):
                return
            if pod is not None and pod.waits_for == "ErrImagePull":
                pull = pod.message
            if pod is not None and causes.may_be_pulled_later(pod, pull):
                failed_at = now if failed_at is None else failed_at
            is_patient = failed_at is not None and now - failed_at < PULL_AGAIN_SECONDS
            error = None if is_patient else await self._why_not(spec, pod, now - begun, pull)
            if error is not None:
                await self.remove(spec.name)
                raise error
            await self._watch.change(spec.name, 1.0)

    async def _why_not(self, spec: InstanceSpec, pod: Pod | None, waited: float, pull: str) -> StartFailed | None:
        if pod is not None and not pod.is_ending:
            if error := causes.refusal(spec, pod, pull):
                return error
            if pod.unscheduled and waited > SCHEDULE_SECONDS:
                return causes.unscheduled(spec, pod.unscheduled)
        elif spec.role.is_kept_running and waited > 1:
            words = found.replica_failure(await self._cluster.get(self._scope.of_instance(spec.name, "deployments")))
            if words:
                return causes.not_made(spec, words)
        if waited <= START_SECONDS:
            return None
        fields = f"involvedObject.name={pod.name}" if pod is not None else ""
        events = await self._cluster.objects(self._scope.path(spec.app, "events"), fieldSelector=fields)
        return causes.too_slow(spec, START_SECONDS, events)

    async def _is_up_now(self, spec: InstanceSpec) -> bool:
        there = [pod for pod in await self._watch.fetch(spec.app) if pod.identity.name == spec.name]
        pod = pods.current(there)
        return pod is not None and pod.is_up and not pod.is_ending

    async def _ended(self, name: str, seen: Pod | None, pod: Pod | None) -> Exit | None:
        """Return how the instance ended; None if it has still to start."""
        if pod is not None and not pod.is_ending and (ended := pod.ended or pod.last) is not None:
            return self._endings.exit_of(pod.uid, ended)
        deployment = await self._cluster.get(self._scope.of_instance(name, "deployments"))
        if deployment is not None and int(deployment["spec"].get("replicas") or 0) > 0:
            return GONE if seen is not None and (pod is None or pod.is_lost) else None
        if deployment is not None:
            return self._stopped(deployment, pod)
        marker = await self._cluster.get(self._scope.of_instance(name, "configmaps"))
        if marker is None:
            return GONE
        if pod is not None:
            return None if pod.ended is None else self._endings.exit_of(pod.uid, pod.ended)
        return (found.exit_of(marker) or GONE) if found.starts(marker) else None

    async def _with_cause(self, name: str, pod: Pod | None, ended: Exit) -> Exit:
        """Return the end of a pod. If it was killed and is to run again, wait for its node's report of the next run.

        A container runtime reports an exit, and that it was for the memory limit, in two messages. The node may tell
        the first alone; its next report of the pod has what both say.
        """
        if pod is None or pod.ended is None or ended != GONE or pod.is_ending or not pod.identity.role.is_kept_running:
            return ended
        deadline = self._clock.monotonic() + CAUSE_SECONDS
        while (left := deadline - self._clock.monotonic()) > 0:
            now = self._watch.current(name)
            if now is None or now.uid != pod.uid or now.is_ending:
                break
            again = next((each for each in (now.ended, now.last) if each and each.at == pod.ended.at), pod.ended)
            if again.exit.is_out_of_memory or now.restarts > pod.restarts:
                return again.exit
            await self._watch.change(name, left)
        return ended

    def _stopped(self, deployment: Json, pod: Pod | None) -> Exit | None:
        """Return how an instance ended that is to be down; None if it was never started, or still runs."""
        if pod is not None and pod.ended is not None:
            return self._endings.exit_of(pod.uid, pod.ended)
        if pod is not None and pod.running_since is not None and not pod.is_lost:
            return None
        return found.exit_of(deployment) or (GONE if found.starts(deployment) else None)

    async def _is_coming(self, name: str) -> bool:
        """Return whether the instance is created and not started yet; then it is not down."""
        if self._watch.of(name):
            return False
        for kind in ("deployments", "configmaps"):
            there = await self._cluster.get(self._scope.of_instance(name, kind))
            if there is not None:
                return found.starts(there) == 0
        return False

    def _runs(self, name: str) -> bool:
        return any(pod.is_up for pod in self._watch.of(name))

    def _pod_path(self, pod: Pod) -> str:
        return self._scope.path(pod.identity.app, "pods", pod.name)


def _at_home(spec: InstanceSpec) -> InstanceSpec:
    """Return the spec with the app's name when the instance was named: its objects stay in that namespace."""
    return replace(spec, app=app_of(spec.name))
