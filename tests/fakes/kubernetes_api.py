"""An API server in memory with a kubelet that only plays: pods run as scripted, so that tests need no cluster.

It keeps what is applied, makes pods for Deployments, reports changes to watches, and serves logs. It checks no schema.
"""

import asyncio
import copy
import itertools
import json
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

import httpx2

from tests.fakes.behaviour import Behaviour

Json = dict[str, Any]
BACK_OFF = 10.0  # seconds before the second start of a program that exited again
TERMINATED = 143


class FakeKubernetes:
    """The state of a cluster. ``behaviours``: what programs do, by the command of the container."""

    def __init__(self, behaviours: Mapping[object, Behaviour] | None = None) -> None:
        self.objects: dict[str, Json] = {}
        self.logs: dict[str, list[str]] = {}
        self.is_away = False
        self._behaviours = dict(behaviours or {})
        self._numbers = itertools.count(1)
        self._watches: set[asyncio.Queue[Json]] = set()
        self._programs: dict[str, asyncio.Task[None]] = {}
        self._addresses = itertools.count(10)

    def client(self) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(transport=httpx2.MockTransport(self._answer), base_url="https://api.example.com")

    async def close(self) -> None:
        for program in self._programs.values():
            program.cancel()
        await asyncio.gather(*self._programs.values(), return_exceptions=True)

    async def _answer(self, request: httpx2.Request) -> httpx2.Response:
        if self.is_away:
            raise httpx2.ConnectError("connection refused", request=request)
        path, params = request.url.path, {key: each[0] for key, each in parse_qs(request.url.query.decode()).items()}
        if path.endswith("/log"):
            return httpx2.Response(200, content=self._log(path.removesuffix("/log"), params))
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
        metadata.setdefault("uid", f"u{next(self._numbers)}")
        metadata.setdefault("creationTimestamp", _now())
        if document.get("kind") == "Service":
            document["spec"].setdefault("clusterIP", f"10.211.0.{next(self._addresses)}")
        self.objects[path] = document
        if document.get("kind") == "Pod":
            self._run(path)
        if document.get("kind") == "Deployment":
            self._control(path)
        return httpx2.Response(200, json=document)

    def _control(self, path: str) -> None:
        """As the controllers of Deployments do: a pod if a replica is wanted, and none if not."""
        document = self.objects[path]
        own = [at for at in self.objects if at.startswith(_pod_path(path)) and not _is_ending(self.objects[at])]
        if document["spec"].get("replicas") and not own:
            pod = copy.deepcopy(document["spec"]["template"]) | {"kind": "Pod", "apiVersion": "v1"}
            pod["metadata"]["name"] = f"{document['metadata']['name']}-{next(self._numbers)}"
            pod["metadata"]["namespace"] = document["metadata"]["namespace"]
            self._put(f"{_pod_path(path).rpartition('/')[0]}/{pod['metadata']['name']}", pod)
        elif not document["spec"].get("replicas"):
            for at in own:
                self._delete(at)

    def _delete(self, path: str) -> None:
        document = self.objects[path]
        if document.get("kind") == "Pod":
            if not _is_ending(document):
                document["metadata"]["deletionTimestamp"] = _now()
                self._tell("MODIFIED", document)
                self._programs[path].cancel()
                self._programs[path] = asyncio.create_task(self._end(path))
            return
        del self.objects[path]
        if document.get("kind") == "Namespace":
            for at in [at for at in self.objects if at.startswith(f"{path}/") or f"{path[7:]}/" in at]:
                if at in self.objects:
                    self._delete(at)
        if document.get("kind") == "Deployment":
            for at in [at for at in self.objects if at.startswith(_pod_path(path))]:
                self._delete(at)

    async def _end(self, path: str) -> None:
        await asyncio.sleep(0.02)
        pod = self.objects[path]
        if "running" in _state(pod):
            code = 137 if self._behaviour(pod).stop_seconds > 100 else TERMINATED
            self._set(path, {"terminated": _terminated(code, "Error")})
        await asyncio.sleep(0.02)
        del self.objects[path]
        self._tell("DELETED", pod)

    def _run(self, path: str) -> None:
        pod = self.objects[path]
        pod["status"] = {"phase": "Pending", "conditions": [], "containerStatuses": [
            {"state": {"waiting": {"reason": "ContainerCreating"}}, "restartCount": 0}
        ]}  # fmt: skip
        pod["spec"]["nodeName"] = "n1"
        self._tell("ADDED", pod)
        self._programs[path] = asyncio.create_task(self._program(path))

    async def _program(self, path: str) -> None:
        """Play the program, again and again if its pod wants that."""
        pod, restarts = self.objects[path], 0
        behaviour = self._behaviour(pod)
        while True:
            await asyncio.sleep(0.02)
            if behaviour.refuse:
                words = "stat /no/such/program: no such file or directory"
                self._set(path, {"terminated": _terminated(128, "StartError", words)}, phase="Running")
                return
            self.logs.setdefault(path, []).extend(_lines(behaviour))
            self._set(path, {"running": {"startedAt": _now()}}, phase="Running", restarts=restarts)
            if behaviour.exit_code is None:
                return
            await asyncio.sleep(0.1)
            ended = _terminated(behaviour.exit_code, "OOMKilled" if behaviour.is_out_of_memory else "Error")
            is_kept = pod["spec"]["restartPolicy"] == "Always"
            self._set(path, {"terminated": ended}, phase="Running" if is_kept else "Failed")
            if not is_kept:
                return
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
    "deployments",
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


def _pod_path(deployment: str) -> str:
    return deployment.replace("/apis/apps/v1/", "/api/v1/").replace("/deployments/", "/pods/") + "-"


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
