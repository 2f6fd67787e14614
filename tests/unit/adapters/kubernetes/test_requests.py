import sys
from collections.abc import Callable

import httpx2
import pytest

from pvdify.adapters.kubernetes.cluster import Cluster, Refused
from pvdify.errors import RuntimeHangs, RuntimeUnavailable
from tests.fakes.clock import FakeClock

Handler = Callable[[httpx2.Request], httpx2.Response]


def cluster(handler: Handler, clock: FakeClock | None = None) -> Cluster:
    def connect(_: str) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(transport=httpx2.MockTransport(handler), base_url="https://api.example.com")

    return Cluster(kubeconfig="", clock=clock or FakeClock(), connect=connect)


def refuse(status: int, reason: str = "", message: str = "no") -> Handler:
    return lambda _: httpx2.Response(status, json={"kind": "Status", "reason": reason, "message": message})


async def test_a_missing_object_is_none_and_deleting_it_succeeds():
    api = cluster(refuse(404, "NotFound"))

    assert await api.get("/api/v1/nodes/n1") is None
    assert await api.merge("/api/v1/nodes/n1", {}) is None
    assert not await api.delete("/api/v1/nodes/n1")
    await api.close()


async def test_a_busy_api_server_is_retried():
    answers = iter((503, 429, 200))
    api = cluster(lambda _: httpx2.Response(next(answers), json={"kind": "Node"}))

    assert await api.get("/api/v1/nodes/n1") == {"kind": "Node"}
    await api.close()


async def test_an_unreachable_api_server_is_an_error_that_says_so():
    def fail(request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError("connection refused", request=request)

    clock = FakeClock()
    api, begun = cluster(fail, clock), clock.monotonic()

    with pytest.raises(RuntimeHangs) as failure:
        await api.apply("/api/v1/nodes/n1", {})

    assert "API server" in failure.value.what
    assert "connection refused" in failure.value.why
    assert 20 < clock.monotonic() - begun <= 30
    await api.close()


async def test_a_missing_permission_of_the_service_account_is_named():
    words = 'deployments.apps is forbidden: User "x" cannot list resource "deployments"'
    api = cluster(refuse(403, "Forbidden", words))

    with pytest.raises(RuntimeUnavailable) as failure:
        await api.objects("/apis/apps/v1/deployments")

    assert 'cannot list resource "deployments"' in failure.value.why
    await api.close()


async def test_a_refusal_is_reported_with_its_message():
    api = cluster(refuse(422, "Invalid", "spec.clusterIP: taken"))

    with pytest.raises(Refused, match="taken") as refused:
        await api.create("/api/v1/namespaces/x/services", {})

    assert (refused.value.status, refused.value.reason) == (422, "Invalid")
    await api.close()


async def test_a_newer_object_of_the_name_is_not_deleted():
    api = cluster(refuse(409, "Conflict"))

    assert not await api.delete("/api/v1/x", uid="u1")
    await api.close()


async def test_without_the_client_library_the_error_names_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "lightkube.config.kubeconfig", None)

    with pytest.raises(RuntimeUnavailable) as failure:
        await Cluster(kubeconfig="", clock=FakeClock()).get("/api/v1/nodes")

    assert "pip install pvdify[kubernetes]" in failure.value.next


async def test_a_kubeconfig_that_cannot_be_used_is_named(tmp_path):
    (tmp_path / "config").write_text("{}")

    for path in (tmp_path / "config", tmp_path / "missing"):
        with pytest.raises(RuntimeUnavailable, match="does not say how to reach a cluster"):
            await Cluster(kubeconfig=str(path), clock=FakeClock()).get("/api/v1/nodes")
