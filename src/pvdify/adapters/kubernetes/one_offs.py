"""The ``one_offs`` port on a cluster: a pod with an open input, and kubectl attached to it."""

from dataclasses import replace

from pvdify.adapters.kubernetes import causes, manifests, pods
from pvdify.adapters.kubernetes.cluster import Cluster, Refused
from pvdify.adapters.kubernetes.kubectl import AttachedKubectl, Kubectl
from pvdify.adapters.kubernetes.names import Scope, object_name
from pvdify.adapters.kubernetes.pods import KILLED, Pod
from pvdify.adapters.kubernetes.prerequisites import Prerequisites
from pvdify.adapters.kubernetes.watch import Watch
from pvdify.errors import RuntimeUnavailable, StartFailed
from pvdify.model.instance import InstanceSpec
from pvdify.model.one_off import TerminalSize
from pvdify.ports.attached import Attached
from pvdify.ports.clock import Clock
from pvdify.ports.images import Images

START_SECONDS = 180.0  # the longest that a start may take, with its pull
SCHEDULE_SECONDS = 30.0  # after which a pod that no node takes is an error
END_SECONDS = 60.0  # the longest that the end of a pod may take beyond its grace
LOST_SECONDS = 10.0  # after which a program still runs although its connection ended with an error
LOOK_EVERY = 2.0
GATE = 'read -r _; exec "$@"'  # the program begins when the client is attached, so that no output is lost
OPEN = b"\n"


class ClusterOneOffs:
    """A starter of attached pods.

    Args:
        cluster: the API server.
        scope: this server's share of the cluster.
        clock: the time.
        prerequisites: makes what a pod needs before it starts.
        watch: the state of this server's pods.
        kubectl: connects to them.
        images: the entrypoints and commands of images.
    """

    def __init__(
        self, *, cluster: Cluster, scope: Scope, clock: Clock, prerequisites: Prerequisites, watch: Watch,
        kubectl: Kubectl, images: Images,
    ) -> None:  # fmt: skip
        self._cluster, self._scope, self._clock, self._prerequisites = cluster, scope, clock, prerequisites
        self._watch, self._kubectl, self._images = watch, kubectl, images

    async def start(self, spec: InstanceSpec, terminal: TerminalSize | None) -> Attached:
        """See the port. The program begins when its input is connected, if the image has a shell to wait with."""
        await self._watch.begin()
        words = await self._words(spec)
        try:
            pod = await self._start_pod(spec, terminal, words)
        except StartFailed as error:
            if words is None or isinstance(spec.command, str) or "/bin/sh" not in error.why:
                raise RuntimeUnavailable(error.what, why=error.why, next=error.next) from error
            words = None  # the image has no shell
            try:
                pod = await self._start_pod(spec, terminal, None)
            except StartFailed as again:
                raise RuntimeUnavailable(again.what, why=again.why, next=again.next) from again
        try:
            process = await self._kubectl.attach(self._scope.namespace(spec.app), pod.name, terminal)
            if words is not None:
                await process.write(OPEN)
        except BaseException:
            await self._remove(spec)
            raise

        async def code(of_kubectl: int) -> int:
            return await self._exit_code(spec.name, pod, of_kubectl)

        async def finish() -> None:
            await self._remove(spec)

        is_echoed = words is not None and terminal is not None
        return AttachedKubectl(process, code=code, finish=finish, echo=b"\r\n" if is_echoed else b"")

    async def _words(self, spec: InstanceSpec) -> tuple[str, ...] | None:
        """Return the whole command; None if the image is not known."""
        if isinstance(spec.command, str):
            return ("/bin/sh", "-c", spec.command)
        if spec.command and spec.command[0].startswith("/"):
            return spec.command
        image = await self._images.get(spec.image_id)
        if image is None:
            return None
        return (*image.entrypoint, *(spec.command or image.command)) or None

    async def _start_pod(
        self, spec: InstanceSpec, terminal: TerminalSize | None, words: tuple[str, ...] | None
    ) -> Pod:  # fmt: skip
        """Make the pod and wait until it runs. If it does not start, remove it and raise StartFailed."""
        group = await self._prerequisites.group(spec)
        document = manifests.pod(self._scope, spec, group=group, has_input=True, is_on_terminal=terminal is not None)
        if words is not None:
            container = document["spec"]["containers"][0]
            container.pop("args", None)
            container["command"] = [manifests.escaped(each) for each in ("/bin/sh", "-c", GATE, "--", *words)]
        try:
            await self._prerequisites.bring(spec)
            made = await self._cluster.create(self._scope.path(spec.app, "pods"), document)
            await self._cluster.merge(
                self._scope.path(spec.app, "secrets", object_name(spec.name)), manifests.owned_by(made)
            )
            return await self._until_up(spec if words is None else replace(spec, command=("/bin/sh",)))
        except Refused as refused:
            await self._remove(spec)
            raise causes.not_made(spec, refused.message) from refused
        except BaseException:
            await self._remove(spec)
            raise

    async def _until_up(self, spec: InstanceSpec) -> Pod:
        begun = self._clock.monotonic()
        while True:
            pod = self._watch.current(spec.name)
            waited = self._clock.monotonic() - begun
            if pod is not None and (pod.is_up or pod.has_run):
                return pod
            if pod is not None and (error := causes.refusal(spec, pod)):
                raise error
            if pod is not None and pod.unscheduled and waited > SCHEDULE_SECONDS:
                raise causes.unscheduled(spec, pod.unscheduled)
            if waited > START_SECONDS:
                raise causes.too_slow(spec, START_SECONDS, [])
            await self._watch.change(spec.name, 1.0)

    async def _exit_code(self, name: str, pod: Pod, of_kubectl: int) -> int:
        """Return the program's exit code; kubectl's if kubectl failed and the program still runs.

        Nothing connects to such a program any more, and it may still wait at the gate.
        """
        lost_at = self._clock.monotonic() + LOST_SECONDS
        while True:
            now = next((each for each in self._watch.of(name) if each.uid == pod.uid), None)
            if now is None:
                return KILLED
            if now.ended is not None:
                return now.ended.code
            if of_kubectl != 0 and self._clock.monotonic() >= lost_at:
                return of_kubectl
            await self._watch.change(name, LOOK_EVERY)

    async def _remove(self, spec: InstanceSpec) -> None:
        """End the program after its stop signal, and remove its pod and config vars."""
        path = self._scope.path(spec.app, "pods", object_name(spec.name))
        grace = manifests.grace_of(spec)
        await self._cluster.delete(path, grace=grace)
        deadline = self._clock.monotonic() + grace + END_SECONDS
        while self._clock.monotonic() < deadline:
            pod = pods.current(self._watch.of(spec.name))
            if pod is None or pod.ended is not None or not pod.node:
                break
            await self._watch.change(spec.name, LOOK_EVERY)
        pod = pods.current(self._watch.of(spec.name))
        if pod is not None and pod.ended is not None:
            await self._cluster.delete(path, grace=0)  # nothing runs, and the node may keep its object for a minute
        await self._cluster.delete(self._scope.path(spec.app, "secrets", object_name(spec.name)))
