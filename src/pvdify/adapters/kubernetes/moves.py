"""Instances that the cluster has moved: another pod is in the place of theirs, as after the loss of its node."""

from collections.abc import Iterable, Sequence

from pvdify.adapters.kubernetes.cluster import Cluster, Json
from pvdify.adapters.kubernetes.names import POD, Identity, Scope
from pvdify.adapters.kubernetes.pods import KILLED, Pod
from pvdify.adapters.kubernetes.watch import Watch
from pvdify.model.instance import Exit, Restart


class Moves:
    """The pods that are known to be the instances of one server; a Deployment's annotation has its pod and node.

    Args:
        cluster: the API server.
        scope: this server's share of the cluster.
        watch: the state of this server's pods.
    """

    def __init__(self, *, cluster: Cluster, scope: Scope, watch: Watch) -> None:
        self._cluster, self._scope, self._watch = cluster, scope, watch
        self._known: dict[str, str] = {}

    def learn(self, deployments: Iterable[Json]) -> None:
        """Take over what the annotations of the server's Deployments say, unless more is known by now."""
        said = {}
        for document in deployments:
            if (identity := Identity.read(document["metadata"])) is not None:
                said[identity.name] = document["metadata"]["annotations"].get(POD, "")
        self._known = {name: self._known.get(name, known) for name, known in said.items()}

    def expect(self, name: str) -> None:
        """Expect another pod, because the instance was started."""
        self._known[name] = ""

    async def find(self) -> tuple[Restart, ...]:
        """Return the instances whose pod is not the known one; record the first pod of each start.

        Raises RuntimeUnavailable.
        """
        moved = []
        for name, known in list(self._known.items()):
            pod = self._watch.current(name)
            if pod is None or not pod.is_up or pod.is_ending or pod.running_since is None:
                continue
            uid, _, node = known.partition(" ")
            if not known:
                await self._record(name, pod)
            elif uid != pod.uid:
                words = f"was moved from {node} to {pod.node}" if node != pod.node else f"was made anew on {node}"
                moved.append(Restart(name=name, at=pod.running_since, exit=Exit(code=KILLED), moved=words))
        return tuple(moved)

    async def note(self, restarts: Sequence[Restart]) -> None:
        """Record the pods of these moved instances as known. Raises RuntimeUnavailable."""
        for name in {each.name for each in restarts if each.moved}:
            if (pod := self._watch.current(name)) is not None:
                await self._record(name, pod)

    async def _record(self, name: str, pod: Pod) -> None:
        known = f"{pod.uid} {pod.node}"
        path = self._scope.of_instance(name, "deployments")
        await self._cluster.merge(path, {"metadata": {"annotations": {POD: known}}})
        self._known[name] = known
