"""GET /metrics: metrics for Prometheus, open to this machine and to clients with a token."""

import json
import re
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from pvdify.model.capacity import Usage
from pvdify.model.route import Traffic
from pvdify.model.token import Role
from tests.support.asgi import Answer, ask
from tests.unit.api.conftest import IMAGE, Api

DASHBOARD = Path(__file__).parents[3] / "packaging" / "grafana" / "pvdify.json"


async def scrape(api: Api) -> dict[tuple[str, ...], float]:
    answer = await api("GET", "/metrics")
    assert answer.status == 200
    return {
        (sample.name, *sorted(f"{name}={value}" for name, value in sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.content.decode())
        for sample in family.samples
    }


async def test_requests_are_counted_by_app_and_release(api: Api):
    await api("POST", "/apps/shop/releases", {"image": IMAGE})
    await api.daemon.finish("shop", 1)
    before = (await scrape(api)).get(
        ("pvdify_requests_total", "app=shop", "instance=web.1", "release=1", "status=2xx"), 0.0
    )
    api.machine.router.serve("shop", 1, Traffic(requests=10, app_errors=2, router_errors=1, in_flight=3))

    found = await scrape(api)

    place = ("app=shop", "instance=web.1", "release=1")
    assert found["pvdify_requests_total", *place, "status=2xx"] == before + 7
    assert found["pvdify_requests_total", *place, "status=5xx"] == 3
    assert found["pvdify_request_errors_total", "app=shop", "by=app", "instance=web.1", "release=1"] == 2
    assert found["pvdify_requests_in_flight", *place] == 3
    assert found["pvdify_app_release", "app=shop"] == 1


async def test_deploys_are_counted_by_outcome_with_the_time_of_each_step(api: Api):
    await api("POST", "/apps/shop/releases", {"image": IMAGE})
    await api.daemon.finish("shop", 1)
    await api("POST", "/apps/shop/releases", {"image": "reg.example.com/shop:none"})
    await api.daemon.finish("shop", 2)

    found = await scrape(api)

    for outcome in ("succeeded", "failed"):
        assert found["pvdify_operations_total", "app=shop", "kind=deploy", f"outcome={outcome}"] == 1
    assert found["pvdify_step_seconds_count", "kind=deploy", "step=switch"] == 1
    assert found["pvdify_step_seconds_count", "kind=deploy", "step=admit"] == 2
    assert found["pvdify_instance", "app=shop", "instance=web.1", "process=web", "release=1", "state=running"] == 1


async def test_api_requests_are_counted_by_route_and_not_by_path(api: Api):
    await api("GET", "/apps/missing")
    await api("GET", "/apps/absent")
    await api("GET", "/no/such/path")

    found = await scrape(api)

    assert found["pvdify_api_requests_total", "method=GET", "path=/api/v1/apps/{app}", "status=404"] == 2
    assert found["pvdify_api_requests_total", "method=GET", "path=other", "status=404"] == 1
    assert found["pvdify_api_seconds_count", "method=GET", "path=/api/v1/apps/{app}"] == 2


async def test_an_unavailable_router_is_reported_without_hiding_other_metrics(api: Api):
    api.machine.router.kill()

    found = await scrape(api)

    assert (found["pvdify_up", "part=router"], found["pvdify_up", "part=runtime"]) == (0, 1)
    assert found["pvdify_apps", "environment=production"] == 0


async def test_usage_of_instances_and_previews_is_reported(api: Api):
    await api("POST", "/apps/shop/releases", {"image": IMAGE})
    await api.daemon.finish("shop", 1)
    await api("PUT", "/apps/shop/previews/7", {"image": IMAGE})
    (instance,) = [it for it in await api.machine.supervisor.find("shop") if it.pid is not None]
    api.machine.host.used[instance.pid] = Usage(memory=64_000_000, memory_limit=512_000_000, cpu_seconds=1.5)

    found = await scrape(api)

    place = ("app=shop", "instance=web.1", "process=web", "release=1")
    assert found["pvdify_instance_memory_bytes", *place] == 64_000_000
    assert found["pvdify_instance_memory_limit_bytes", *place] == 512_000_000
    assert found["pvdify_instance_cpu_seconds_total", *place] == 1.5
    assert found["pvdify_previews", "app=shop", "state=open"] == 1
    assert found["pvdify_disk_size_bytes",] > found["pvdify_disk_free_bytes",] > 0
    assert found["pvdify_deliveries_pending",] == 0


async def from_address(api: Api, host: str, **headers: str) -> Answer:
    return await ask(api.application, "GET", "/metrics", headers=headers, client=host)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1"])
async def test_metrics_need_no_token_from_this_machine(api: Api, host: str):
    assert (await from_address(api, host)).status == 200


@pytest.mark.parametrize(
    ("host", "headers"),
    [
        ("192.0.2.7", {}),
        ("127.0.0.1", {"x-forwarded-for": "127.0.0.1"}),
        ("127.0.0.1", {"cf-connecting-ip": "192.0.2.7"}),
    ],
)
async def test_metrics_need_a_token_from_other_machines_and_through_a_tunnel(
    api: Api, host: str, headers: dict[str, str]
):
    refused = await from_address(api, host, **headers)
    welcome = await from_address(api, host, authorization=f"Bearer {api.token}", **headers)

    assert (refused.status, welcome.status) == (401, 200)


async def test_a_token_for_one_app_sees_that_app_and_its_previews_alone(api: Api):
    for app in ("shop", "blog"):
        await api("POST", f"/apps/{app}/releases", {"image": IMAGE})
        await api.daemon.finish(app, 1)
        await api("PUT", f"/apps/{app}/previews/7", {"image": IMAGE})
        api.machine.router.serve(app, 1, Traffic(requests=10))
    token = await api.make_token(Role.READ, app="blog")

    answer = await from_address(api, "192.0.2.7", authorization=f"Bearer {token}")

    samples = [it for family in text_string_to_metric_families(answer.content.decode()) for it in family.samples]
    assert answer.status == 200
    assert {it.labels.get("app") for it in samples} == {"blog", "blog-pr-7"}
    assert {"pvdify_requests_total", "pvdify_operations_total", "pvdify_app_status"} <= {it.name for it in samples}


async def test_openmetrics_is_served_to_clients_that_accept_it(api: Api):
    answer = await api("GET", "/metrics", accept="application/openmetrics-text; version=1.0.0")

    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert answer.content.endswith(b"# EOF\n")


async def test_the_grafana_dashboard_uses_existing_metrics(api: Api):
    await api("POST", "/apps/shop/releases", {"image": IMAGE})
    await api.daemon.finish("shop", 1)
    exposed = (await api("GET", "/metrics")).content.decode()
    families = {family.name for family in text_string_to_metric_families(exposed)}
    names = families | {f"{name}{end}" for name in families for end in ("_total", "_bucket", "_sum", "_count")}
    dashboard = json.loads(DASHBOARD.read_text())

    queries = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]

    asked = {name for query in queries for name in re.findall(r"\bpvdify_[a-z_]+", query)}
    assert len(queries) >= 12
    assert asked - names == set()


async def test_the_cause_of_a_status_is_reported(api: Api):
    await api("POST", "/apps/shop/releases", {"image": IMAGE})
    await api.daemon.finish("shop", 1)
    before = [key for key in await scrape(api) if key[0] == "pvdify_app_status_cause"]
    await api("PATCH", "/apps/shop", {"maintenance": True})

    found = await scrape(api)

    assert before == []
    assert found["pvdify_app_status_cause", "app=shop", "cause=by test"] == 1
