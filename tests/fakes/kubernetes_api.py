"""An API server in memory with a kubelet that only plays: pods run as scripted, so that tests need no cluster.

It keeps what is applied, reports changes to watches, and serves logs. Its controllers act a moment later, as real ones
do: they make and delete the ReplicaSet of a Deployment and the pod of a ReplicaSet. It checks no schema.
"""

import asyncio
import copy
import itertools
import json
from collections.abc import AsyncIterator, Coroutine, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

import httpx2

from tests.fakes.behaviour import Behaviour

Json = dict[str, Any]
BACK_OFF = 10.0  # seconds before the second start of a program that exited again
MOMENT = 0.02  # seconds until a controller or the kubelet acts
TERMINATED = 143


class FakeKubernetes:
    """The state of a cluster. ``behaviours``: what programs do, by the command of the container."""

    def __init__(self, behaviours: Mapping[object, Behaviour] | None = None) -> None:
        self.objects: dict[str, Json] = {}
        self.logs: dict[str, list[str]] = {}
        self.is_away = False
        self.node = "n1"  # where pods are put from now on
        self.report_seconds = 0.0  # after which a scaled Deployment says that it is
        self.refused_watches: int | None = None  # how many were refused; None: they are answered
        self.cut_logs = 0  # how many requests for a log end properly before the container does
        self._behaviours = dict(behaviours or {})
        self._numbers = itertools.count(1)
        self._watches: set[asyncio.Queue[Json]] = set()
        self._programs: dict[str, asyncio.Task[None]] = {}
        self._controllers: set[asyncio.Task[None]] = set()
        self._addresses = itertools.count(10)

    def client(self) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(transport=httpx2.MockTransport(self._answer), base_url="https://api.example.com")

    async def close(self) -> None:
        tasks = [*self._programs.values(), *self._controllers]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def evict(self, path: str) -> None:
        """Delete a pod, as an administrator does who drains its node."""
        self._delete(path)

    @property
    def running(self) -> list[str]:
        """The paths of the pods whose program runs."""
        return [path for path, each in self.objects.items() if each.get("kind") == "Pod" and "running" in _state(each)]

    async def _answer(self, request: httpx2.Request) -> httpx2.Response:
        if self.is_away:
            raise httpx2.ConnectError("connection refused", request=request)
        path, params = request.url.path, {key: each[0] for key, each in parse_qs(request.url.query.decode()).items()}
        if path.endswith("/log"):
            return httpx2.Response(200, content=self._log(path.removesuffix("/log"), params))
        if "watch" in params and self.refused_watches is not None:
            self.refused_watches += 1
            return _refusal(403, "Forbidden")
        if "watch" in params:
            return httpx2.Response(200, content=self._watch())
        body = json.loads(request.content) if request.content else {}
        return self._act(request.method, path, params, body, request.headers.get("content-type", ""))

    def _act(self, method: str, path: str, params: dict[str, str], body: Json, kind: str) -> httpx2.Response:
        if method == "GET":
            return self._read(path, params)
        if method == "POST":
            path = f"{path}/{body['metadata']['name']}"
            return _refusal(409, "AlreadyExists") if path in self.objects else self._put(path, body)
        if method == "PATCH" and (path in self.objects or "apply" in kind):
            return self._put(path, _merged(self.objects.get(path, {}), body))
        if method == "DELETE" and path in self.objects:
            if (body.get("preconditions") or {}).get("uid", uid := self.objects[path]["metadata"]["uid"]) != uid:
                return _refusal(409, "Conflict")
            self._delete(path)
            return httpx2.Response(200, json={})
        return _refusal(404, "NotFound")

    def _read(self, path: str, params: dict[str, str]) -> httpx2.Response:
        if path in self.objects:
            return httpx2.Response(200, json=self.objects[path])
        if path.rpartition("/")[2] in _KINDS:
            items = [each for at, each in self.objects.items() if _is_in(at, path) and _matches(each, params)]
            return httpx2.Response(200, json={"items": items, "metadata": {"resourceVersion": "1"}})
        return _refusal(404, "NotFound")

    def _put(self, path: str, document: Json) -> httpx2.Response:
        namespace = path.partition("/namespaces/")[2].partition("/")[0]
        if "/namespaces/" in path and path.count("/") > 4 and f"/api/v1/namespaces/{namespace}" not in self.objects:
            return _refusal(404, "NotFound")
        metadata = document["metadata"]
        if metadata.get("namespace", namespace) != namespace:
            return _refusal(400, "BadRequest")
        metadata.setdefault("uid", f"u{next(self._numbers)}")
        metadata.setdefault("creationTimestamp", _now())
        if document.get("kind") == "Service":
            document["spec"].setdefault("clusterIP", f"10.211.0.{next(self._addresses)}")
        self.objects[path] = document
        if document.get("kind") == "Pod":
            self._run(path)
        if document.get("kind") in ("Deployment", "ReplicaSet"):
            self._control(path)
        return httpx2.Response(200, json=document)

    def _control(self, path: str) -> None:
        """Let the controller of the object see it a moment later."""
        document = self.objects[path]
        document["metadata"]["generation"] = next(self._numbers)
        act = self._scale if document["kind"] == "Deployment" else self._replicate
        self._begin(act(path))

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._controllers.add(task)
        task.add_done_callback(self._controllers.discard)

    async def _scale(self, path: str) -> None:
        """As the controller of Deployments does: its ReplicaSet wants as many pods, and goes with it.

        It is slower than that of ReplicaSets, which may replace a pod that is deleted meanwhile.
        """
        await asyncio.sleep(3 * MOMENT)
        document, below = self.objects.get(path), _path_below(path, "replicasets")
        if document is None:
            for at in [at for at in self.objects if at.startswith((below, _path_below(path, "pods")))]:
                if at in self.objects:
                    self._delete(at)
            return
        template, replicas = copy.deepcopy(document["spec"]["template"]), document["spec"].get("replicas", 1)
        metadata = {"name": f"{document['metadata']['name']}-1", "namespace": document["metadata"]["namespace"]}
        metadata["labels"] = template["metadata"]["labels"]
        spec = {"replicas": replicas, "template": template}
        if self.objects.get(f"{below}1", {}).get("spec") != spec:
            self._put(f"{below}1", {"kind": "ReplicaSet", "metadata": metadata, "spec": spec})
        await asyncio.sleep(self.report_seconds)
        document["status"] = {"observedGeneration": document["metadata"]["generation"]}

    async def _replicate(self, path: str) -> None:
        """As the controller of ReplicaSets does: a pod if one is wanted, and none if not."""
        await asyncio.sleep(MOMENT)
        document = self.objects.get(path)
        if document is None:
            return
        pods = _path_below(path, "pods")
        own = [at for at in self.objects if at.startswith(pods) and not _is_ending(self.objects[at])]
        if document["spec"]["replicas"] and not own:
            pod = copy.deepcopy(document["spec"]["template"]) | {"kind": "Pod", "apiVersion": "v1"}
            pod["metadata"]["name"] = f"{document['metadata']['name']}-{next(self._numbers)}"
            pod["metadata"]["namespace"] = document["metadata"]["namespace"]
            self._put(f"{pods.rpartition('/')[0]}/{pod['metadata']['name']}", pod)
        elif not document["spec"]["replicas"]:
            for at in own:
                self._delete(at)
        document["status"] = {"observedGeneration": document["metadata"]["generation"]}

    def _delete(self, path: str) -> None:
        document = self.objects[path]
        if document.get("kind") == "Pod":
            if not _is_ending(document):
                document["metadata"]["deletionTimestamp"] = _now()
                self._tell("MODIFIED", document)
                self._programs[path].cancel()
                self._programs[path] = asyncio.create_task(self._end(path))
                for at, each in self.objects.items():
                    if each.get("kind") == "ReplicaSet" and path.startswith(_path_below(at, "pods")):
                        self._begin(self._replicate(at))
            return
        del self.objects[path]
        if document.get("kind") == "Namespace":
            for at in [at for at in self.objects if at.startswith(f"{path}/") or f"{path[7:]}/" in at]:
                if at in self.objects:
                    self._delete(at)
        if document.get("kind") == "Deployment":
            self._begin(self._scale(path))

    async def _end(self, path: str) -> None:
        """As the kubelet does: end the program, also one that it was starting again when it was told."""
        if "terminated" in _state(pod := self.objects[path]) and pod["spec"]["restartPolicy"] == "Always":
            await asyncio.sleep(MOMENT)
            self._set(path, {"running": {"startedAt": _now()}})
        await asyncio.sleep(MOMENT)
        pod = self.objects[path]
        if "running" in _state(pod):
            code = 137 if self._behaviour(pod).stop_seconds > 100 else TERMINATED
            self._set(path, {"terminated": _terminated(code, "Error")})
        await asyncio.sleep(MOMENT)
        del self.objects[path]
        self._tell("DELETED", pod)
        uid = pod["metadata"]["uid"]
        for at, each in list(self.objects.items()):  # as the garbage collector does
            if [owner["uid"] for owner in each["metadata"].get("ownerReferences") or ()] == [uid]:
                del self.objects[at]

    def _run(self, path: str) -> None:
        pod = self.objects[path]
        pod["status"] = {"phase": "Pending", "conditions": [], "containerStatuses": [
            {"state": {"waiting": {"reason": "ContainerCreating"}}, "restartCount": 0}
        ]}  # fmt: skip
        pod["spec"]["nodeName"] = self.node
        self._tell("ADDED", pod)
        self._programs[path] = asyncio.create_task(self._program(path))

    async def _program(self, path: str) -> None:
        """Play the program, again and again if its pod wants that."""
        pod, restarts = self.objects[path], 0
        behaviour = self._behaviour(pod)
        while True:
            await asyncio.sleep(MOMENT)
            if behaviour.refuse:
                words = "stat /no/such/program: no such file or directory"
                self._set(path, {"terminated": _terminated(128, "StartError", words)}, phase="Running")
                return
            self.logs.setdefault(path, []).extend(_lines(behaviour))
            self._set(path, {"running": {"startedAt": _now()}}, phase="Running", restarts=restarts)
            if behaviour.exit_code is None:
                return
            await asyncio.sleep(0.1)
            ended, is_kept = _terminated(behaviour.exit_code, "Error"), pod["spec"]["restartPolicy"] == "Always"
            self._set(path, {"terminated": ended}, phase="Running" if is_kept else "Failed")
            if not is_kept:
                return
            await asyncio.sleep(MOMENT)
            if behaviour.is_out_of_memory:  # a node may learn of the cause after the exit
                ended = {**ended, "reason": "OOMKilled"}
            restarts += 1
            waits = {"waiting": {"reason": "CrashLoopBackOff"}}
            self._set(path, waits, last={"terminated": ended}, restarts=restarts)
            await asyncio.sleep(BACK_OFF)
            self.logs[path] = []

    def _set(self, path: str, state: Json, *, phase: str = "", last: Json | None = None, restarts: int = 0) -> None:
        pod = copy.deepcopy(self.objects[path])
        container = pod["status"]["containerStatuses"][0]
        container["state"] = state
        container["restartCount"] = restarts or container["restartCount"]
        if last is not None:
            container["lastState"] = last
        pod["status"]["phase"] = phase or pod["status"]["phase"]
        pod["status"]["conditions"] = [{"type": "Ready", "status": str("running" in state)}]
        self.objects[path] = pod
        self._tell("MODIFIED", pod)

    def _tell(self, kind: str, pod: Json) -> None:
        for watch in self._watches:
            watch.put_nowait({"type": kind, "object": copy.deepcopy(pod)})

    async def _watch(self) -> AsyncIterator[bytes]:
        events: asyncio.Queue[Json] = asyncio.Queue()
        for pod in [each for each in self.objects.values() if each.get("kind") == "Pod"]:
            events.put_nowait({"type": "ADDED", "object": copy.deepcopy(pod)})
        self._watches.add(events)
        try:
            while True:
                yield json.dumps(await events.get()).encode() + b"\n"
        finally:
            self._watches.discard(events)

    async def _log(self, path: str, params: dict[str, str]) -> AsyncIterator[bytes]:
        given = 0
        while True:
            lines = self.logs.get(path, [])
            for line in lines[given:]:
                yield line.encode()
            given = len(lines)
            if lines and self.cut_logs:
                self.cut_logs -= 1
                return
            pod = self.objects.get(path)
            if pod is None or "running" not in _state(pod):
                return
            await asyncio.sleep(0.02)

    def _behaviour(self, pod: Json) -> Behaviour:
        container = pod["spec"]["containers"][0]
        command = tuple(word.replace("$$(", "$(") for word in container.get("command") or ())
        words = command[2] if command[:2] == ("/bin/sh", "-c") else command
        return self._behaviours.get(words, Behaviour())


_KINDS = frozenset({
    "pods", "services", "secrets", "configmaps", "events", "persistentvolumeclaims", "nodes", "namespaces",
    "deployments", "replicasets",
})  # fmt: skip


def _is_in(path: str, collection: str) -> bool:
    start, _, _ = path.rpartition("/")
    group, _, kind = collection.rpartition("/")
    return start == collection or (start.startswith(f"{group}/namespaces/") and start.endswith(f"/{kind}"))


def _matches(document: Json, params: dict[str, str]) -> bool:
    labels = document["metadata"].get("labels") or {}
    for part in filter(None, params.get("labelSelector", "").split(",")):
        key, equals, value = part.partition("=")
        if key not in labels or (equals and labels[key] != value):
            return False
    return True


def _merged(old: Json, new: Json) -> Json:
    result = copy.deepcopy(old)
    for key, value in new.items():
        is_nested = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = _merged(result[key], value) if is_nested else value
    return result


def _path_below(owner: str, kind: str) -> str:
    """The path with which the objects begin that a Deployment or ReplicaSet owns."""
    start, _, name = owner.rsplit("/", 2)
    start = start.replace("/apis/apps/v1/", "/api/v1/") if kind == "pods" else start
    return f"{start}/{kind}/{name}-"


def _is_ending(pod: Json) -> bool:
    return "deletionTimestamp" in pod["metadata"]


def _state(pod: Json) -> Json:
    state: Json = pod["status"]["containerStatuses"][0]["state"]
    return state


def _lines(behaviour: Behaviour) -> list[str]:
    texts = [f"{_now()} {text}\n" for text in behaviour.lines]
    if texts and behaviour.is_last_unended:
        texts[-1] = texts[-1].rstrip("\n")
    return texts


def _terminated(code: int, reason: str, message: str = "") -> Json:
    return {"exitCode": code, "reason": reason, "message": message, "finishedAt": _now()}


def _now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


def _refusal(status: int, reason: str) -> httpx2.Response:
    return httpx2.Response(status, json={"kind": "Status", "reason": reason, "message": reason})
