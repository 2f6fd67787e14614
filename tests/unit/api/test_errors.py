"""Every error has the one shape, and changes nothing."""

import re

import pytest

from pvdify import __version__
from pvdify.api.routes import ENDPOINTS
from pvdify.errors import Kind
from pvdify.model.token import Role
from pvdify.web.problems import STATUS_BY_KIND
from tests.support.asgi import ask
from tests.unit.api.conftest import IMAGE, Api

SHAPE = {"type", "title", "status", "code", "detail", "why", "next", "request_id", "problems"}


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", "/apps/none", None, 404, "app-not-found"),
        ("GET", "/nothing", None, 404, "not-found"),
        ("PUT", "/apps", None, 405, "method-not-allowed"),
        ("GET", "/apps/shop/releases/7", None, 404, "app-not-found"),
        ("POST", "/apps", b"{", 400, "malformed-request"),
        ("POST", "/apps", b"[]", 400, "malformed-request"),
        ("POST", "/apps", {}, 422, "invalid-request"),
        ("POST", "/apps", {"name": "Bad--name"}, 422, "invalid-request"),
        ("POST", "/apps/UPPER/releases", {"image": IMAGE}, 422, "invalid-request"),
        ("POST", "/apps/shop/releases", {"image": "not an image"}, 422, "invalid-image-reference"),
        ("POST", "/apps/shop/releases", {}, 422, "nothing-to-deploy"),
        ("POST", "/apps/shop/releases", {"image": IMAGE, "manifest": "port: x"}, 422, "invalid-manifest"),
        ("POST", "/apps/shop/releases", {"imag": IMAGE, "run_number": "x"}, 422, "invalid-request"),
        ("POST", "/apps/shop/rollback", {}, 404, "app-not-found"),
        ("GET", "/apps?limit=x", None, 200, None),
        ("GET", "/events?limit=x", None, 422, "invalid-request"),
        ("DELETE", "/tokens/none", None, 404, "token-not-found"),
        ("POST", "/tokens", {"name": ""}, 422, "invalid-request"),
        ("POST", "/tokens", {"name": "x", "role": "king"}, 422, "invalid-request"),
    ],
)
async def test_invalid_input_is_an_error_and_changes_nothing(
    api: Api, method: str, path: str, body: object, status: int, code: str | None
):
    answer = await api(method, path, body)

    assert answer.status == status
    assert (await api("GET", "/apps")).json == {"apps": []}
    if code:
        assert answer.headers["content-type"] == "application/problem+json"
        assert set(answer.json) == SHAPE
        assert (answer.json["status"], answer.json["code"]) == (status, code)
        assert answer.json["next"]
        assert answer.json["request_id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/apps", "GET, HEAD, POST"),
        ("PUT", "/apps/shop", "DELETE, GET, HEAD, PATCH"),
        ("POST", "/apps/shop/config", "GET, HEAD, PATCH"),
        ("GET", "/webhooks/github", "POST"),
        ("POST", "/openapi.json", "GET, HEAD"),
    ],
)
async def test_refused_method_is_answered_with_every_method_of_the_path(api: Api, method: str, path: str, allowed: str):
    answer = await api(method, path)

    assert (answer.status, answer.headers["allow"]) == (405, allowed)


async def test_all_problems_are_reported_at_once(api: Api):
    answer = await api("POST", "/apps/shop/releases", {"imag": IMAGE, "run_number": "x"})

    assert answer.json["problems"] == [
        'run_number: expected a whole number, got "x"',
        'imag: unknown key; did you mean "image"?',
    ]


async def test_a_client_may_set_the_request_id(api: Api):
    assert (await api("GET", "/health", x_request_id="ci-7")).headers["x-request-id"] == "ci-7"
    assert (await api("GET", "/health")).headers["x-pvdify-version"] == __version__
    assert (await api("GET", "/health", x_request_id="bad id!")).headers["x-request-id"] != "bad id!"


async def test_an_internal_error_is_reported_as_a_reference_without_details(api: Api):
    async def broken() -> None:
        raise RuntimeError("secret inside")

    api.daemon.queries.apps = broken  # type: ignore[method-assign,assignment] # a fault that no adapter lets through

    with pytest.raises(RuntimeError):  # Starlette answers first, and raises for the server's own log after
        await api("GET", "/apps")


async def test_requests_without_a_token_are_refused(api: Api):
    api.token = ""
    asked = [
        (endpoint.method, re.sub(r"\{\w+(:int)?\}", lambda it: "1" if it[1] else "t", endpoint.path))
        for endpoint in ENDPOINTS
        if endpoint.needs
    ]

    answers = {(method, path): await api(method, path) for method, path in asked}

    refused = (401, "not-signed-in", "Bearer")
    found = {it: (a.status, a.json["code"], a.headers.get("www-authenticate")) for it, a in answers.items()}
    assert {it: answer for it, answer in found.items() if answer != refused} == {}
    assert len(found) > 100


@pytest.mark.parametrize("text", ["pvd_00000000_x", "nonsense", "pvd_", ""])
async def test_unknown_tokens_are_refused(api: Api, text: str):
    assert (await api("GET", "/apps", authorization=f"Bearer {text}")).status == 401


async def test_expired_and_revoked_tokens_are_refused(api: Api):
    short = await api.make_token(Role.READ, expires_in=60)
    assert (await api("GET", "/apps", authorization=f"Bearer {short}")).status == 200
    await api.machine.clock.sleep(61)
    expired = await api("GET", "/apps", authorization=f"Bearer {short}")
    other = await api.make_token(Role.READ)

    await api("DELETE", f"/tokens/{other.split('_')[1]}")

    assert (expired.status, expired.json["why"]) == (401, "it has expired")
    assert (await api("GET", "/apps", authorization=f"Bearer {other}")).status == 401


async def test_roles_and_app_scope_hold(api: Api):
    await api("POST", "/apps", {"name": "shop"})
    await api("POST", "/apps", {"name": "other"})
    reader, scoped = await api.make_token(Role.READ), await api.make_token(Role.DEPLOY, "shop")

    async def status(token: str, method: str, path: str, body: object = None) -> int:
        return (await api(method, path, body, authorization=f"Bearer {token}")).status

    assert await status(reader, "GET", "/apps/shop") == 200
    assert await status(reader, "PATCH", "/apps/shop/config", {"A": "1"}) == 403
    assert await status(scoped, "PATCH", "/apps/shop/config", {"A": "1"}) == 200
    assert await status(scoped, "GET", "/apps/other") == 403
    assert await status(scoped, "POST", "/apps", {"name": "third"}) == 403
    assert await status(scoped, "GET", "/tokens") == 403
    assert await status(scoped, "DELETE", "/apps/shop?confirm=shop") == 403
    listed = await api("GET", "/apps", authorization=f"Bearer {scoped}")
    assert [app["name"] for app in listed.json["apps"]] == ["shop"]


async def test_requests_over_the_unix_socket_are_from_root(api: Api):
    answer = await ask(api.local, "GET", "/api/v1/whoami")

    assert answer.json == {"name": "root", "role": "admin", "app": None}


def test_every_kind_has_a_status():
    assert set(STATUS_BY_KIND) == set(Kind)


async def test_many_unknown_keys_are_answered_with_the_first_of_them(api: Api):
    answer = await api("POST", "/apps", {f"key{number}": 1 for number in range(30_000)})

    assert answer.status == 422
    assert len(answer.json["problems"]) <= 51


@pytest.mark.parametrize("path", ["/apps/shop/releases", "/apps", "/tokens"])
async def test_json_of_many_levels_is_malformed(api: Api, path: str):
    answer = await api("POST", path, b'{"a":' + b"[" * 100_000)

    assert answer.status == 400


@pytest.mark.parametrize("path", ["/releases/{}", "/releases/{}/log", "/releases/{}/diff", "/previews/{}"])
async def test_a_number_beyond_64_bits_is_not_found(api: Api, path: str):
    await api("POST", "/apps", {"name": "shop"})

    answers = [await api("GET", f"/apps/shop{path.format(number)}") for number in (10**9 - 1, 10**30)]
    put = await api("PUT", f"/apps/shop/previews/{10**30}", {"image": IMAGE})

    assert [it.status for it in (*answers, put)] == [404, 404, 404]


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({"branch": "\x1b]0;title\x07"}, "expected 1 to 255 printable characters"),
        ({"commit": "a\n::error::b"}, "expected 1 to 255 printable characters"),
        ({"commit": ""}, "expected 1 to 255 printable characters"),
        ({"branch": "a" * 300}, "expected 1 to 255 printable characters"),
        ({"run_number": 10**30}, "expected a whole number from 0 to 1000000000000000"),
        ({"run_number": -1}, "expected a whole number from 0 to 1000000000000000"),
    ],
)
async def test_the_source_of_a_deploy_must_be_printable_text(api: Api, body: dict[str, object], why: str):
    deployed = await api("POST", "/apps/shop/releases", {"image": IMAGE, **body})
    preview = await api("PUT", "/apps/shop/previews/7", {"image": IMAGE, **body})

    assert [it.status for it in (deployed, preview)] == [422, 422]
    assert deployed.json["why"] == why


async def test_a_token_that_would_expire_after_the_last_date_is_refused(api: Api):
    answer = await api("POST", "/tokens", {"name": "ci", "role": "read", "expires_in": 10**30})

    assert (answer.status, answer.json["detail"]) == (422, "a token expires within 100 years")
