"""What a cluster reports about itself, as ``pvdify doctor`` needs it."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml

from pvdify.adapters.kubernetes.cluster import Cluster
from pvdify.adapters.kubernetes.names import Scope
from pvdify.adapters.kubernetes.survey import RIGHTS, NodeRoom, QuotaUse, survey
from pvdify.errors import RuntimeUnavailable
from tests.fakes.clock import FakeClock

RBAC = Path(__file__).parents[4] / "packaging" / "kubernetes" / "rbac.yaml"
REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
FORBIDDEN = httpx2.Response(403, json={"reason": "Forbidden", "message": "cannot list"})
GI = 1024**3


class Api:
    """An API server with these answers by path. ``lacking``: verbs and resources that the account may not use."""

    def __init__(self, answers: Mapping[str, Any], lacking: tuple[str, ...] = ()) -> None:
        self._answers = {"/version": {"gitVersion": "v1.30.2"}, **answers}
        self._lacking = lacking

    async def answer(self, request: httpx2.Request) -> httpx2.Response:
        path = request.url.path
        if path == REVIEWS:
            wanted = json.loads(request.content)["spec"]["resourceAttributes"]
            name = "/".join(wanted[key] for key in ("resource", "subresource") if key in wanted)
            return httpx2.Response(201, json={"status": {"allowed": f"{wanted['verb']} {name}" not in self._lacking}})
        found = self._answers.get(path, {"items": []} if path.rpartition("/")[2] != "kubernetes" else None)
        if isinstance(found, httpx2.Response):
            return found
        headers = {"Date": "Tue, 01 Dec 2020 10:00:00 GMT"}
        return httpx2.Response(404 if found is None else 200, json=found or {}, headers=headers)

    def cluster(self) -> Cluster:
        transport = httpx2.MockTransport(self.answer)
        return Cluster(
            kubeconfig="", clock=FakeClock(),
            connect=lambda _: httpx2.AsyncClient(transport=transport, base_url="https://api.example.com"),
        )  # fmt: skip

    async def survey(self) -> Any:
        cluster = self.cluster()
        try:
            return await survey(cluster, Scope(server="s1", prefix="app-"))
        finally:
            await cluster.close()


@pytest.fixture
async def listener() -> AsyncIterator[int]:
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


def service(port: int) -> dict[str, Any]:
    return {"/api/v1/namespaces/default/services/kubernetes": {
        "spec": {"clusterIP": "127.0.0.1", "ports": [{"port": port}]}}}  # fmt: skip


def test_the_doctor_asks_for_exactly_the_permissions_of_the_package() -> None:
    role = next(it for it in yaml.safe_load_all(RBAC.read_text("utf-8")) if it["kind"] == "ClusterRole")

    def every(rules: Any) -> set[tuple[str, str, str]]:
        return {(group, name, verb) for groups, names, verbs in rules for group in groups for name in names
                for verb in verbs}  # fmt: skip

    granted = every((it["apiGroups"], it["resources"], it["verbs"]) for it in role["rules"])
    assert every(((group,), names, verbs) for group, names, verbs in RIGHTS) == granted


async def test_each_missing_permission_is_named() -> None:
    found = await Api({}, lacking=("create pods/exec", "list nodes", "patch deployments")).survey()

    assert found.missing_rights == ("create pods/exec", "list nodes", "patch deployments.apps")


async def test_the_room_of_a_node_is_what_its_running_pods_leave() -> None:
    def pod(node: str, phase: str, **requests: str) -> dict[str, Any]:
        return {"spec": {"nodeName": node, "containers": [{"resources": {"requests": requests}}, {}]},
                "status": {"phase": phase}}  # fmt: skip

    def node(name: str, ready: str, **spec: bool) -> dict[str, Any]:
        status = {"allocatable": {"cpu": "1930m", "memory": "4Gi"}, "conditions": [{"type": "Ready", "status": ready}]}
        return {"metadata": {"name": name}, "spec": spec, "status": status}

    pods = [pod("n1", "Running", cpu="500m", memory="1Gi"), pod("n1", "Succeeded", memory="1Gi"),
            pod("n2", "Pending", cpu="1"), {"spec": {"containers": []}, "status": {}}]  # fmt: skip
    found = await Api({
        "/api/v1/nodes": {"items": [node("n1", "True"), node("n2", "Unknown"), node("n3", "True", unschedulable=True)]},
        "/api/v1/pods": {"items": pods},
    }).survey()  # fmt: skip

    assert found.nodes == (
        NodeRoom(name="n1", is_ready=True, cpu=pytest.approx(1.43), memory=3 * GI),
        NodeRoom(name="n2", is_ready=False, cpu=pytest.approx(0.93), memory=4 * GI),
        NodeRoom(name="n3", is_ready=False, cpu=pytest.approx(1.93), memory=4 * GI),
    )


async def test_only_quotas_that_are_nearly_used_up_are_reported() -> None:
    status = {"hard": {"limits.memory": "1Gi", "pods": "10", "limits.cpu": "0"}, "used": {"limits.memory": "950Mi"}}
    quota = {"metadata": {"namespace": "app-shop"}, "status": status}

    found = await Api({"/api/v1/resourcequotas": {"items": [quota, {"metadata": {"namespace": "app-new"}}]}}).survey()

    assert found.quotas == (
        QuotaUse(namespace="app-shop", resource="limits.memory", used="950Mi", hard="1Gi"),
        QuotaUse(namespace="app-shop", resource="limits.cpu", used="0", hard="0"),
    )


async def test_the_default_storage_class_is_marked() -> None:
    default = {"storageclass.kubernetes.io/is-default-class": "true"}
    items = [{"metadata": {"name": "slow"}}, {"metadata": {"name": "fast", "annotations": default}}]

    found = await Api({"/apis/storage.k8s.io/v1/storageclasses": {"items": items}}).survey()

    assert found.storage_classes == {"slow": False, "fast": True}


async def test_a_service_address_is_connected_to(listener: int) -> None:
    found = await Api(service(listener)).survey()

    assert (found.service_address, found.unreachable) == (f"127.0.0.1:{listener}", "")


async def test_a_service_address_that_is_not_reached_is_reported_with_the_cause() -> None:
    found = await Api(service(1)).survey()

    assert "refused" in found.unreachable.lower()


async def test_facts_that_a_missing_permission_hides_are_unknown() -> None:
    hidden = ("/api/v1/nodes", "/api/v1/resourcequotas", "/apis/storage.k8s.io/v1/storageclasses")
    found = await Api(dict.fromkeys((*hidden, "/api/v1/namespaces/default/services/kubernetes"), FORBIDDEN)).survey()

    assert (found.nodes, found.quotas, found.storage_classes, found.unreachable) == (None, None, None, None)


async def test_the_offset_of_the_clock_comes_from_the_date_of_an_answer() -> None:
    found = await Api({}).survey()

    assert found.clock_offset < -3600


async def test_an_api_server_that_refuses_the_account_is_an_error() -> None:
    with pytest.raises(RuntimeUnavailable):
        await Api({"/version": httpx2.Response(401, json={"reason": "Unauthorized", "message": "no"})}).survey()
