"""Instances as found: what Deployments, markers and pods say together; pure."""

import json
from collections import defaultdict
from collections.abc import Iterable

from pvdify.adapters.kubernetes import pods
from pvdify.adapters.kubernetes.cluster import Json
from pvdify.adapters.kubernetes.names import EXIT, STARTS, Identity
from pvdify.adapters.kubernetes.pods import Pod
from pvdify.model.instance import Exit, FoundInstance, InstanceState

GONE = Exit(code=pods.KILLED)


def instances(
    deployments: Iterable[Json], markers: Iterable[Json], every_pod: Iterable[Pod]
) -> tuple[FoundInstance, ...]:  # fmt: skip
    """Return everything that was made and not removed, by name."""
    of_name: defaultdict[str, list[Pod]] = defaultdict(list)
    for pod in every_pod:
        of_name[pod.identity.name].append(pod)
    result = {}
    for document in deployments:
        if (identity := _identity(document)) is not None:
            result[identity.name] = _kept(identity, document, of_name[identity.name])
    for document in markers:
        if (identity := _identity(document)) is not None:
            result[identity.name] = _once(identity, starts(document), of_name[identity.name], exit_of(document))
    for name, alone in of_name.items():
        newest = pods.current(alone)
        # a pod of a removed Deployment is still to be collected
        is_alone = newest is not None and not newest.is_ending and not newest.identity.role.is_kept_running
        if name not in result and newest is not None and is_alone:
            result[name] = _once(newest.identity, 1, alone)
    return tuple(result[name] for name in sorted(result))


def starts(document: Json | None) -> int:
    """Return how often the object was started, as its annotation says."""
    text = str(_annotations(document).get(STARTS) or "0")
    return int(text) if text.isdecimal() else 0


def exit_of(document: Json) -> Exit | None:
    """Return the exit that a stop has recorded; None if there is none since the last start."""
    try:
        known = json.loads(_annotations(document).get(EXIT) or "null")
        return None if known is None else Exit(code=int(known["code"]), is_out_of_memory=bool(known["oom"]))
    except (ValueError, KeyError, TypeError):
        return None


def exit_text(ended: Exit) -> str:
    """Return the text that ``exit_of`` understands."""
    return json.dumps({"code": ended.code, "oom": ended.is_out_of_memory})


def replica_failure(deployment: Json | None) -> str:
    """Return why the cluster makes no pod of the Deployment; "" if it says nothing."""
    for condition in ((deployment or {}).get("status") or {}).get("conditions") or ():
        if condition.get("type") == "ReplicaFailure" and condition.get("status") == "True":
            return str(condition.get("message") or condition.get("reason") or "")
    return ""


def _kept(identity: Identity, deployment: Json, own: list[Pod]) -> FoundInstance:
    """Return an instance that the cluster keeps running while its Deployment has a replica."""
    is_wanted = int((deployment.get("spec") or {}).get("replicas") or 0) > 0
    begun, pod = starts(deployment), pods.current(own)
    up = next((each for each in own if each.is_up), None)
    if up is not None:
        return _with(identity, InstanceState.RUNNING, up, begun)
    if not is_wanted:
        if begun == 0:
            return _with(identity, InstanceState.CREATED, None, begun)
        ended = exit_of(deployment) or (pod.ended.exit if pod is not None and pod.ended else GONE)
        return _with(identity, InstanceState.EXITED, pod, begun, ended)
    last = None if pod is None or pod.is_ending else pod.ended or pod.last
    ended = GONE if last is None else last.exit
    return _with(identity, InstanceState.EXITED, pod, begun, ended, is_restarting=True)


def _once(identity: Identity, begun: int, own: list[Pod], recorded: Exit | None = None) -> FoundInstance:
    """Return a container that runs once; one that has lost its pod counts as killed, unless a stop recorded its end."""
    pod = pods.current(own)
    if pod is not None and pod.is_up:
        return _with(identity, InstanceState.RUNNING, pod, begun)
    if begun == 0 or (pod is not None and pod.ended is None and not pod.is_ending):
        return _with(identity, InstanceState.CREATED, None, begun)
    ended = recorded or (GONE if pod is None or pod.ended is None else pod.ended.exit)
    return _with(identity, InstanceState.EXITED, pod, begun, ended)


def _with(
    identity: Identity, state: InstanceState, pod: Pod | None, begun: int, ended: Exit | None = None,
    *, is_restarting: bool = False,
) -> FoundInstance:  # fmt: skip
    started_at = None
    if pod is not None and state is not InstanceState.CREATED:
        started_at = pod.running_since or pod.created_at
    return FoundInstance(
        name=identity.name, app=identity.app, process=identity.process, slot=identity.slot, number=identity.number,
        role=identity.role, operation=identity.operation, endpoint=identity.endpoint, state=state, exit=ended,
        started_at=started_at, restarts=max(0, begun - 1) + (pod.restarts if pod is not None else 0),
        is_restarting=is_restarting,
    )  # fmt: skip


def _identity(document: Json) -> Identity | None:
    metadata = document.get("metadata") or {}
    return None if metadata.get("deletionTimestamp") else Identity.read(metadata)


def _annotations(document: Json | None) -> Json:
    return ((document or {}).get("metadata") or {}).get("annotations") or {}
