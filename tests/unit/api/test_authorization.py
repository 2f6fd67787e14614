"""Every route with every kind of token, for its own app, another one, a preview and the server.

``EXPECTED`` is written by hand, from what the documentation says, and not read from the route table: a new route fails
``test_every_route_has_a_row`` until a row says who may use it.
"""

import re
from dataclasses import dataclass

import pytest

from pvdify.api.routes import ENDPOINTS
from pvdify.model.token import Role
from tests.support.asgi import ask
from tests.unit.api.conftest import IMAGE, Api

READ, DEPLOY, ADMIN, ANYONE = Role.READ, Role.DEPLOY, Role.ADMIN, None
ROLES = (READ, DEPLOY, ADMIN)
# A scope says which tokens for one app may use the route: APP if the app in the path is theirs, LISTED if the answer is
# cut down to what is theirs, NONE if the route is about the server.
APP, LISTED, NONE = "app", "listed", "none"

EXPECTED: dict[tuple[str, str], tuple[Role | None, str]] = {
    ("GET", "/health"): (ANYONE, NONE),
    ("GET", "/whoami"): (READ, LISTED),
    ("POST", "/sign-in-links"): (READ, LISTED),
    ("GET", "/users"): (ADMIN, NONE),
    ("POST", "/users"): (ADMIN, NONE),
    ("PATCH", "/users/{user}"): (ADMIN, NONE),
    ("DELETE", "/users/{user}"): (ADMIN, NONE),
    ("DELETE", "/users/{user}/sessions"): (ADMIN, NONE),
    ("GET", "/sessions"): (ADMIN, NONE),
    ("DELETE", "/sessions/{session}"): (ADMIN, NONE),
    ("GET", "/status"): (READ, LISTED),
    ("GET", "/events"): (READ, LISTED),
    ("GET", "/apps"): (READ, LISTED),
    ("POST", "/apps"): (DEPLOY, NONE),
    ("GET", "/apps/{app}"): (READ, APP),
    ("PATCH", "/apps/{app}"): (DEPLOY, APP),
    ("DELETE", "/apps/{app}"): (ADMIN, APP),
    ("GET", "/apps/{app}/jobs"): (READ, APP),
    ("GET", "/apps/{app}/job-runs"): (READ, APP),
    ("GET", "/apps/{app}/jobs/{job}/log"): (READ, APP),
    ("POST", "/apps/{app}/jobs/{job}/run"): (DEPLOY, APP),
    ("POST", "/apps/{app}/jobs/{job}/pause"): (DEPLOY, APP),
    ("POST", "/apps/{app}/jobs/{job}/resume"): (DEPLOY, APP),
    ("GET", "/apps/{app}/releases"): (READ, APP),
    ("POST", "/apps/{app}/releases"): (DEPLOY, APP),
    ("GET", "/apps/{app}/releases/{version:int}"): (READ, APP),
    ("GET", "/apps/{app}/releases/{version:int}/log"): (READ, APP),
    ("GET", "/apps/{app}/releases/{version:int}/diff"): (READ, APP),
    ("POST", "/apps/{app}/releases/{version:int}/cancel"): (DEPLOY, APP),
    ("GET", "/apps/{app}/rollback"): (READ, APP),
    ("POST", "/apps/{app}/rollback"): (DEPLOY, APP),
    ("GET", "/apps/{app}/domains"): (READ, APP),
    ("POST", "/apps/{app}/domains"): (DEPLOY, APP),
    ("DELETE", "/apps/{app}/domains/{hostname}"): (DEPLOY, APP),
    ("POST", "/apps/{app}/rename"): (ADMIN, APP),
    ("POST", "/apps/{app}/pause"): (DEPLOY, APP),
    ("POST", "/apps/{app}/resume"): (DEPLOY, APP),
    ("GET", "/services"): (READ, LISTED),
    ("POST", "/services"): (DEPLOY, NONE),
    ("GET", "/services/{service}"): (READ, LISTED),
    ("DELETE", "/services/{service}"): (ADMIN, NONE),
    ("POST", "/services/{service}/restore"): (DEPLOY, NONE),
    ("POST", "/services/{service}/restart"): (DEPLOY, NONE),
    ("POST", "/services/{service}/rotate"): (DEPLOY, NONE),
    ("GET", "/services/{service}/upgrade"): (READ, LISTED),
    ("POST", "/services/{service}/upgrade"): (DEPLOY, NONE),
    ("GET", "/services/{service}/logs"): (READ, LISTED),
    ("POST", "/services/{service}/connect"): (DEPLOY, NONE),
    ("PUT", "/services/{service}/links/{linked}"): (ADMIN, NONE),
    ("DELETE", "/services/{service}/links/{linked}"): (ADMIN, NONE),
    ("GET", "/apps/{app}/volumes"): (READ, APP),
    ("DELETE", "/apps/{app}/volumes/{volume}"): (DEPLOY, APP),
    ("POST", "/apps/{app}/volumes/{volume}/restore"): (DEPLOY, APP),
    ("GET", "/apps/{app}/grants"): (READ, APP),
    ("POST", "/apps/{app}/grants"): (ADMIN, APP),
    ("DELETE", "/apps/{app}/grants/{hostname}"): (ADMIN, APP),
    ("GET", "/apps/{app}/config"): (READ, APP),
    ("PATCH", "/apps/{app}/config"): (DEPLOY, APP),
    ("POST", "/apps/{app}/config/copy"): (DEPLOY, APP),
    ("POST", "/apps/{app}/config/rollback"): (DEPLOY, APP),
    ("GET", "/apps/{app}/config/versions"): (READ, APP),
    ("GET", "/apps/{app}/logs"): (READ, APP),
    ("POST", "/apps/{app}/config/reveal"): (ADMIN, APP),
    ("GET", "/apps/{app}/config/file"): (ADMIN, APP),
    ("POST", "/apps/{app}/config/import"): (ADMIN, APP),
    ("GET", "/apps/{app}/processes"): (READ, APP),
    ("PATCH", "/apps/{app}/processes"): (DEPLOY, APP),
    ("POST", "/apps/{app}/processes/restart"): (DEPLOY, APP),
    ("POST", "/apps/{app}/processes/stop"): (DEPLOY, APP),
    ("POST", "/apps/{app}/processes/start"): (DEPLOY, APP),
    ("GET", "/apps/{app}/operations/{operation}"): (READ, APP),
    ("POST", "/apps/{app}/run"): (DEPLOY, APP),
    ("POST", "/apps/{app}/exec"): (DEPLOY, APP),
    ("POST", "/apps/{app}/tunnel"): (DEPLOY, APP),
    ("GET", "/apps/{app}/run/{run}"): (DEPLOY, APP),
    ("POST", "/apps/{app}/run/{run}/input"): (DEPLOY, APP),
    ("POST", "/apps/{app}/run/{run}/terminal"): (DEPLOY, APP),
    ("DELETE", "/apps/{app}/run/{run}"): (DEPLOY, APP),
    ("GET", "/router/log"): (READ, LISTED),
    ("GET", "/apps/{app}/previews"): (READ, APP),
    ("GET", "/apps/{app}/previews/{pr:int}"): (READ, APP),
    ("PUT", "/apps/{app}/previews/{pr:int}"): (DEPLOY, APP),
    ("DELETE", "/apps/{app}/previews/{pr:int}"): (DEPLOY, APP),
    ("POST", "/apps/{app}/previews/{pr:int}/keep"): (DEPLOY, APP),
    ("GET", "/apps/{app}/github"): (READ, APP),
    ("POST", "/apps/{app}/github"): (ADMIN, APP),
    ("DELETE", "/apps/{app}/github/{owner}/{name}"): (ADMIN, APP),
    ("POST", "/auth/github"): (ANYONE, NONE),
    ("POST", "/webhooks/github"): (ANYONE, NONE),
    ("GET", "/backups"): (ADMIN, NONE),
    ("POST", "/backups"): (ADMIN, NONE),
    ("PUT", "/backups/target"): (ADMIN, NONE),
    ("PATCH", "/backups/target"): (ADMIN, NONE),
    ("POST", "/backups/verify"): (ADMIN, NONE),
    ("POST", "/backups/restore"): (ADMIN, NONE),
    ("POST", "/backups/restore/plan"): (ADMIN, NONE),
    ("GET", "/backups/tasks/{task}"): (ADMIN, NONE),
    ("GET", "/tokens"): (ADMIN, NONE),
    ("POST", "/tokens"): (ADMIN, NONE),
    ("DELETE", "/tokens/{token}"): (ADMIN, NONE),
    ("GET", "/registries"): (READ, LISTED),
    ("GET", "/registries/{host}"): (READ, LISTED),
    ("PUT", "/registries/{host}"): (ADMIN, NONE),
    ("DELETE", "/registries/{host}"): (ADMIN, NONE),
    ("GET", "/secrets/recipients"): (ADMIN, NONE),
    ("POST", "/secrets/recipients"): (ADMIN, NONE),
    ("DELETE", "/secrets/recipients/{name}"): (ADMIN, NONE),
    ("POST", "/secrets/rotate"): (ADMIN, NONE),
    ("GET", "/notifications"): (ADMIN, NONE),
    ("POST", "/notifications"): (ADMIN, NONE),
    ("DELETE", "/notifications/{notification}"): (ADMIN, NONE),
    ("POST", "/notifications/{notification}/test"): (ADMIN, NONE),
    ("GET", "/deliveries"): (ADMIN, NONE),
    ("GET", "/edge"): (READ, LISTED),
    ("PUT", "/edge"): (ADMIN, NONE),
    ("DELETE", "/edge"): (ADMIN, NONE),
    ("GET", "/runtime"): (ADMIN, NONE),
    ("PUT", "/runtime"): (ADMIN, NONE),
    ("DELETE", "/runtime"): (ADMIN, NONE),
    ("GET", "/posthog"): (ADMIN, NONE),
    ("PUT", "/posthog"): (ADMIN, NONE),
    ("DELETE", "/posthog"): (ADMIN, NONE),
}

BODY = b'{"zzz": 1}'  # refused by every route that takes a body, after the token was judged
VALUES = {
    "version": "1", "hostname": "x.example.net", "operation": "none", "volume": "data", "job": "report",
    "service": "none", "linked": "blog",
    "run": "run.1111",
    "host": "r.example.net", "owner": "o", "name": "n", "token": "ffffffff", "notification": "zz",
    "task": "none", "user": "none", "session": "none",
}  # fmt: skip
# The apps in paths: the token's own app, another app, previews of both, and a name that only resembles the token's app.
APPS = ("shop", "blog", "shop-pr-7", "blog-pr-7", "shop-pr-77", "shop-staging")


@dataclass(frozen=True)
class Kind:
    """A kind of token: what is sent, its role and its app. A token without a role opens nothing."""

    name: str
    role: Role | None
    app: str | None = None


KINDS = (
    Kind("none", None), Kind("garbage", None), Kind("expired", None), Kind("revoked", None),
    Kind("read", READ), Kind("deploy", DEPLOY), Kind("admin", ADMIN),
    Kind("read shop", READ, "shop"), Kind("deploy shop", DEPLOY, "shop"),
    Kind("read preview", READ, "shop-pr-7"), Kind("deploy preview", DEPLOY, "shop-pr-7"),
    Kind("deploy blog", DEPLOY, "blog"),
)  # fmt: skip


async def _text(api: Api, kind: Kind) -> str | None:
    if kind.name == "none":
        return None
    if kind.name == "garbage":
        return "pvd_00000000_" + "x" * 43
    if kind.role is None:
        text = await api.make_token(Role.ADMIN, expires_in=1)
        if kind.name == "revoked":
            id = text.split("_")[1]
            await api("DELETE", f"/tokens/{id}")
        return text
    return await api.make_token(kind.role, kind.app)


@pytest.fixture
async def world(api: Api) -> tuple[Api, dict[str, str | None]]:
    for app in ("shop", "blog", "shop-staging"):
        await api("POST", "/apps", {"name": app})
    for app, number in (("shop", 7), ("blog", 7), ("shop", 77)):
        await api("PUT", f"/apps/{app}/previews/{number}", {"image": IMAGE})
    texts = {kind.name: await _text(api, kind) for kind in KINDS}
    api.machine.clock.jump(2)  # now "expired" is
    return api, texts


def _reaches(kind: Kind, app: str) -> bool:
    return kind.app is None or app == kind.app or re.fullmatch(rf"{kind.app}-pr-[0-9]+", app) is not None


def _is_allowed(kind: Kind, needs: Role | None, scope: str, app: str) -> bool:
    if needs is None:
        return True
    if kind.role is None or ROLES.index(kind.role) < ROLES.index(needs):
        return False
    return kind.app is None or scope == LISTED or (scope == APP and _reaches(kind, app))


def _path(template: str, app: str) -> str:
    """The path of a route for an app; a preview also by the number below its parent."""
    values = VALUES | {"app": app}
    if "{pr:int}" in template:
        parent, _, number = app.rpartition("-pr-")
        values |= {"app": parent or app, "pr": number if parent else "5"}
    return "/api/v1" + re.sub(r"\{(\w+)(:\w+)?\}", lambda found: values[found[1]], template)


def test_every_route_has_a_row():
    assert {(it.method, it.path) for it in ENDPOINTS} == set(EXPECTED)


# Tests of reads share a world, because making one takes longer than all requests to it.
READING = tuple(route for route in EXPECTED if route[0] == "GET")
GROUPS = (READING, *((route,) for route in EXPECTED if route not in READING))


@pytest.mark.slow
@pytest.mark.parametrize("routes", GROUPS, ids=lambda routes: " ".join(routes[0]) if len(routes) == 1 else "GET")
async def test_who_may_use_a_route(world: tuple[Api, dict[str, str | None]], routes: tuple[tuple[str, str], ...]):
    api, texts = world

    assert [line for method, path in routes for line in await _unexpected(api, texts, method, path)] == []


async def _unexpected(api: Api, texts: dict[str, str | None], method: str, path: str) -> list[str]:
    needs, scope = EXPECTED[method, path]
    unexpected = []

    for app in APPS if "{app}" in path else APPS[:1]:
        for kind in KINDS:
            text = texts[kind.name]
            headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {text}"} if text else {})
            body = None if method in ("GET", "DELETE") else BODY
            if method == "POST" and path in ("/secrets/rotate",) and kind.name in ("admin",):
                continue  # it would succeed; its own tests do that
            answer = await ask(api.application, method, _path(path, app), body, headers=headers)
            subject = f"{app[: -len('-pr-7')]}-pr-7" if "{pr:int}" in path and app.endswith("-pr-7") else app
            subject = f"{app}-pr-5" if "{pr:int}" in path and "-pr-" not in app else subject
            is_refused = answer.status in (401, 403) and needs is not None
            expected = 401 if needs is not None and kind.role is None else 403
            if _is_allowed(kind, needs, scope, subject) is is_refused or (is_refused and answer.status != expected):
                unexpected.append(f"{method} {path}: {kind.name} on {app}: {answer.status}")

    return unexpected


async def test_status_and_edge_show_a_token_for_one_app_its_own_alone(world: tuple[Api, dict[str, str | None]]):
    api, texts = world
    everything = (await api("GET", "/status")).json
    api.token = str(texts["read shop"])

    status = (await api("GET", "/status")).json

    assert everything["apps"] == 6
    assert status["apps"] == 3  # the app and its two previews
    assert {it["app"] for it in status["disk"]} <= {"shop", "shop-pr-7", "shop-pr-77"}
    of_server = [it for it in status["checks"] if it["name"] != "apps"]
    assert all(it["text"] == it["state"] and it["next"] == "" for it in of_server)
    listed = (await api("GET", "/apps")).json["apps"]
    assert [it["name"] for it in listed] == ["shop", "shop-pr-7", "shop-pr-77"]


@pytest.mark.parametrize("kind", ["read shop", "deploy shop", "deploy preview"])
async def test_other_apps_in_a_body_or_a_query_are_as_far_away(world: tuple[Api, dict[str, str | None]], kind: str):
    api, texts = world
    app = "shop-pr-7" if kind == "deploy preview" else "shop"
    api.token = str(texts[kind])

    events = (await api("GET", "/events?app=blog")).json["events"]

    assert {it["app"] for it in events} <= {app}
    assert (await api("POST", f"/apps/{app}/config/copy", {"source": "blog"})).status == 403
    assert (await api("GET", f"/apps/{app}/operations/blog-pr-7-v1")).status == 404
    assert (await api("GET", "/router/log?app=blog&format=json")).json == {"visits": []}


async def test_a_token_for_one_app_sees_the_services_of_that_app_alone(world: tuple[Api, dict[str, str | None]]):
    api, texts = world
    api.machine.registry.push("reg.example.com/postgres:15")
    for name, linked in (("ours", ("shop", "blog")), ("theirs", ("blog",))):
        await api("POST", "/services", {"name": name, "kind": "postgres", "image": "reg.example.com/postgres:15"})
        for _ in range(2):
            await api.daemon.service_keeper.advance_all()
            await api.daemon.service_keeper.settle()
            await api.machine.clock.sleep(6)
        for app in linked:
            assert (
                await api("PUT", f"/services/{name}/links/{app}", {"variable": f"{name.upper()}_URL"})
            ).status == 200
    api.token = str(texts["read shop"])

    (service,) = (await api("GET", "/services")).json["services"]

    assert service["name"] == "ours"
    assert [link["app"] for link in service["links"]] == ["shop"]
    assert [link["app"] for link in (await api("GET", "/services/ours")).json["links"]] == ["shop"]
    plan = (await api("GET", "/services/ours/upgrade?image=reg.example.com/postgres:15")).json
    assert plan["apps"] == ["shop"]
    assert "blog" not in str(plan)
    hidden = ["/services/theirs", "/services/theirs/logs", "/services/theirs/upgrade?image=reg.example.com/postgres:15"]
    assert [(await api("GET", path)).status for path in hidden] == [404, 404, 404]
    api.token = str(texts["read preview"])
    assert (await api("GET", "/services")).json["services"] == []
