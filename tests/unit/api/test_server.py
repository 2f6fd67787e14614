"""Health, apps, config, tokens, events and the API's own description."""

from pvdify.api.routes import ENDPOINTS
from pvdify.model.disk_use import DiskUse
from pvdify.model.operation import Strategy
from pvdify.model.token import Role
from tests.support.parts import disk_watch_of
from tests.unit.api.conftest import IMAGE, Api


async def test_health_needs_no_token(api: Api):
    api.token = ""

    answer = await api("GET", "/health")

    assert answer.status == 200
    assert answer.json["status"] == "ok"


async def test_an_app_reports_its_running_processes(api: Api):
    manifest = {"processes": {"web": {"command": "npm start"}}, "domains": ["shop.com"]}
    await api("POST", "/apps/shop/releases", {"image": IMAGE, "manifest": manifest})
    await api.daemon.finish("shop", 1)

    app = (await api("GET", "/apps/shop")).json

    assert set(app) == {
        "name", "environment", "status", "status_cause", "status_since", "image", "release", "url", "processes",
        "resources", "healthcheck",
        "domains", "created_at", "updated_at",
    }  # fmt: skip
    assert (app["environment"], app["status"], app["release"]) == ("production", "live", 1)
    assert app["domains"] == ["shop.example.com", "shop.com"]
    assert app["processes"]["web"] == {"command": "npm start", "count": 1, "memory": 536870912, "cpu": None}


async def test_maintenance_is_turned_on_and_off(api: Api):
    await api("POST", "/apps/shop/releases", {"image": IMAGE})
    await api.daemon.finish("shop", 1)

    on = await api("PATCH", "/apps/shop", {"maintenance": True})
    off = await api("PATCH", "/apps/shop", {"maintenance": False})
    bad = await api("PATCH", "/apps/shop", {"maintenance": "x", "colour": 1})

    assert (on.status, on.json["status"], off.json["status"]) == (200, "maintenance", "live")
    assert (bad.status, len(bad.json["problems"])) == (422, 2)


async def test_config_is_set_unset_and_reported(api: Api):
    await api("POST", "/apps", {"name": "shop"})
    await api("PATCH", "/apps/shop/config", {"A": "1", "B": {"value": "two"}})

    answer = await api("PATCH", "/apps/shop/config", {"A": None, "C": "line\nline"})

    assert answer.json == {"B": "two", "C": "line\nline"}
    assert answer.headers["x-config-version"] == "2"
    versions = (await api("GET", "/apps/shop/config/versions")).json["versions"]
    assert [(it["version"], it["set"], it["unset"]) for it in versions] == [(2, ["C"], ["A"]), (1, ["A", "B"], [])]


async def test_config_versions_are_in_the_body_if_asked(api: Api):
    await api("POST", "/apps", {"name": "shop"})
    changed = await api(
        "PATCH", "/apps/shop/config?versions=1", {"A": "1", "B": {"value": "two-times-two", "secret": True}}
    )

    shown = await api("GET", "/apps/shop/config?versions=1")

    content = {"version": 1, "live_version": None, "vars": {"A": "1", "B": {"secret": True}}}
    assert (changed.json, shown.json) == (content, content)
    assert shown.headers["x-config-version"] == "1"


async def test_an_invalid_config_change_is_refused_whole(api: Api):
    await api("POST", "/apps", {"name": "shop"})

    answer = await api("PATCH", "/apps/shop/config", {"GOOD": "1", "bad-name": "x", "PORT": "1"})

    assert answer.status == 422
    assert len(answer.json["problems"]) == 2
    assert (await api("GET", "/apps/shop/config")).json == {}


async def test_an_unknown_strategy_is_refused(api: Api):
    body = {"image": IMAGE, "strategy": "stop-first"}

    accepted = await api("POST", "/apps/shop/releases", body)
    await api.daemon.finish("shop", 1)
    refused = await api("POST", "/apps/shop/releases", body | {"strategy": "rolling"})

    assert (accepted.status, accepted.json["version"]) == (202, 1)
    assert refused.status == 422
    assert refused.json["problems"][0].startswith("strategy: ")
    operation = await api.machine.store.operation("shop-v1")
    assert operation is not None
    assert operation.strategy is Strategy.STOP_FIRST


async def test_token_is_shown_once(api: Api):
    made = (await api("POST", "/tokens", {"name": "ci", "expires_in": 60})).json

    listed = (await api("GET", "/tokens")).json["tokens"]

    assert made["token"].startswith(f"pvd_{made['id']}_")
    assert made["token"] not in str(listed)
    assert {token["name"] for token in listed} == {"test", "ci"}


async def test_events_report_who_did_what(api: Api):
    await api("POST", "/apps/shop/releases", {"image": IMAGE})
    await api.daemon.finish("shop", 1)

    events = (await api("GET", "/events?app=shop")).json["events"]

    assert [(event["action"], event["actor"]) for event in events] == [
        ("deploy.live", "test"),
        ("deploy.requested", "test"),
    ]


async def test_status_names_config_versions_whose_files_are_missing(api: Api):
    await api("POST", "/apps", {"name": "shop"})
    await api("PATCH", "/apps/shop/config", {"COLOUR": "blue"})
    intact = {check["name"] for check in (await api("GET", "/status")).json["checks"]}

    api.machine.secrets.versions.clear()

    checks = {check["name"]: check for check in (await api("GET", "/status")).json["checks"]}
    assert "config" not in intact
    assert checks["config"]["state"] == "broken"
    assert checks["config"]["text"] == "the files of config versions are missing: shop v1"
    assert "restore the directory config from a backup" in checks["config"]["next"]


async def test_status_names_failed_checks(api: Api):
    api.machine.router.kill()

    checks = {check["name"]: check for check in (await api("GET", "/status")).json["checks"]}

    assert (checks["router"]["state"], checks["runtime"]["state"]) == ("broken", "ok")
    assert checks["edge"]["text"].startswith("none: ")


async def test_processes_report_where_each_instance_is(api: Api):
    await api("POST", "/apps/shop/releases", {"image": IMAGE})
    await api.daemon.finish("shop", 1)

    processes = (await api("GET", "/apps/shop/processes")).json["processes"]

    instance = processes[0]["instances"][0]
    assert (instance["name"], instance["slot"], instance["state"]) == ("pvdify-shop-web-v1-1", "live", "running")


async def test_logs_are_those_of_the_live_release(api: Api):
    await api("POST", "/apps/shop/releases", {"image": IMAGE})
    await api.daemon.finish("shop", 1)
    api.machine.supervisor.write("pvdify-shop-web-v1-1", "hello")

    text = (await api("GET", "/apps/shop/logs")).content.decode()
    lines = (await api("GET", "/apps/shop/logs?format=json&process=web&release=v1")).json["lines"]

    assert text.endswith("web.1 v1 | hello\n")
    assert lines[0]["text"] == "hello"


async def test_openapi_describes_every_route(api: Api):
    document = (await api("GET", "/openapi.json")).json

    assert document["openapi"] == "3.1.0"
    assert "post" in document["paths"]["/api/v1/apps/{app}/releases"]
    assert document["components"]["schemas"]["Release"]["properties"]["digest"]
    assert "#/$defs" not in str(document)


async def test_openapi_promises_an_idempotency_key_exactly_where_it_is_read(api: Api):
    paths = (await api("GET", "/openapi.json")).json["paths"]

    promised = {
        operation["operationId"]
        for methods in paths.values()
        for operation in methods.values()
        if any(parameter["name"] == "Idempotency-Key" for parameter in operation["parameters"])
    }

    reads = {it.handler.__name__ for it in ENDPOINTS if "idempotency" in it.handler.__code__.co_names}  # type: ignore[attr-defined]
    assert promised == reads == {"deploy", "rollback", "put_preview"}


async def test_status_reports_the_disk_usage_of_each_app(api: Api):
    api.machine.registry.push(IMAGE, size=40_000_000)
    await api("POST", "/apps/shop/releases", {"image": IMAGE})
    await api.daemon.finish("shop", 1)

    status = (await api("GET", "/status")).json

    unknown = dict.fromkeys(("containers", "volumes", "logs"))
    assert status["disk"] == [{"app": "shop", "images": 1, "bytes": 40_000_000, "shared": 0, **unknown}]


async def test_status_names_apps_over_the_disk_limit(api: Api):
    for app in ("shop", "blog"):
        await api("POST", f"/apps/{app}/releases", {"image": IMAGE})
        await api.daemon.finish(app, 1)
    use = DiskUse(layers=1024**3, volumes=10 * 1024**3, logs=1)
    api.machine.disk_meter.use = {"shop": use, "blog": DiskUse(logs=5)}
    await disk_watch_of(api.daemon.world).measure()
    scoped = await api.make_token(Role.READ, app="blog")

    status = (await api("GET", "/status")).json
    of_blog = (await api("GET", "/status", authorization=f"Bearer {scoped}")).json
    metrics = (await api("GET", "/metrics")).content.decode()

    found = {it["app"]: (it["containers"], it["volumes"], it["logs"]) for it in status["disk"]}
    assert found == {"shop": (1024**3, 10 * 1024**3, 1), "blog": (0, 0, 5)}
    (check,) = [it for it in status["checks"] if it["name"] == "app-disk"]
    assert (check["state"], check["text"]) == ("warning", "shop takes 12 GB")
    assert {it["app"] for it in of_blog["disk"]} == {"blog"}
    assert not [it for it in of_blog["checks"] if it["name"] == "app-disk"]
    assert 'pvdify_app_disk_bytes{app="shop",kind="volumes"} 1.07374' in metrics
