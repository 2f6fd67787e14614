"""/apps/{app}/previews."""

import pytest

from pvdify.model.token import Role
from tests.unit.api.conftest import IMAGE, Api


async def test_a_preview_is_made_shown_updated_and_closed(api: Api):
    made = await api("PUT", "/apps/shop/previews/12", {"image": IMAGE, "repository": "org/shop"})
    await api.daemon.finish("shop-pr-12", 1)

    updated = await api("PUT", "/apps/shop/previews/12", {"image": IMAGE})
    await api.daemon.finish("shop-pr-12", 2)

    assert (made.status, made.headers["location"]) == (202, "/api/v1/apps/shop-pr-12/releases/1")
    assert set(made.json) == {
        "app", "pr", "name", "url", "status", "repository", "image", "release", "created_at", "renewed_at",
        "closed_at", "ends_at",
    }  # fmt: skip
    assert (made.json["url"], made.json["status"]) == ("https://shop-pr-12.example.com", "open")
    assert (updated.json["url"], updated.json["release"]["version"]) == (made.json["url"], 2)
    listed = (await api("GET", "/apps/shop/previews")).json["previews"]
    assert [(it["pr"], it["release"]["status"], it["repository"]) for it in listed] == [(12, "active", "org/shop")]
    closed = await api("DELETE", "/apps/shop/previews/12")
    assert (closed.status, closed.json["status"]) == (200, "closed")
    assert closed.json["ends_at"] > closed.json["closed_at"]
    assert (await api("GET", "/apps/shop/previews/12")).json["status"] == "closed"
    assert (await api("GET", "/apps/shop-pr-12")).json["environment"] == "preview"


async def test_a_closed_preview_is_kept_for_a_day_from_now(api: Api):
    await api("PUT", "/apps/shop/previews/12", {"image": IMAGE, "manifest": "previews: {close_delay: 1h}\n"})
    closed = await api("DELETE", "/apps/shop/previews/12")

    kept = await api("POST", "/apps/shop/previews/12/keep")

    assert (kept.status, kept.json["status"]) == (200, "closed")
    assert kept.json["ends_at"] > closed.json["ends_at"]
    assert (await api("POST", "/apps/shop/previews/13/keep")).json["code"] == "preview-not-found"


async def test_an_app_that_is_not_a_preview_is_not_found(api: Api):
    for method in ("GET", "DELETE"):
        answer = await api(method, "/apps/shop/previews/12")
        assert (answer.status, answer.json["code"]) == (404, "preview-not-found")


async def test_requests_with_the_same_idempotency_key_make_one_release(api: Api):
    for _ in range(2):
        answer = await api("PUT", "/apps/shop/previews/12", {"image": IMAGE}, idempotency_key="k")

    assert answer.json["release"]["version"] == 1


async def test_an_app_token_covers_its_previews_and_a_preview_token_only_itself(api: Api):
    await api("PUT", "/apps/shop/previews/12", {"image": IMAGE})
    await api.daemon.finish("shop-pr-12", 1)
    of_app = await api.make_token(Role.DEPLOY, "shop") if await _create(api, "shop") else ""
    of_preview = await api.make_token(Role.DEPLOY, "shop-pr-12")

    async def status(token: str, path: str) -> int:
        api.token = token
        return (await api("GET", path)).status

    assert await status(of_app, "/apps/shop/previews") == 200
    assert await status(of_app, "/apps/shop-pr-12/releases/1") == 200
    assert await status(of_app, "/apps/shop2-pr-1/releases/1") == 403
    assert await status(of_preview, "/apps/shop/previews/12") == 200
    assert await status(of_preview, "/apps/shop-pr-12/releases/1") == 200
    assert await status(of_preview, "/apps/shop/previews/13") == 403
    assert await status(of_preview, "/apps/shop/previews") == 403
    assert await status(of_preview, "/apps/shop") == 403


async def _create(api: Api, name: str) -> bool:
    return (await api("POST", "/apps", {"name": name})).status == 201


async def test_a_bad_time_is_refused(api: Api):
    await api("PUT", "/apps/shop/previews/12", {"image": IMAGE})

    for text in ("yesterday", "2026-01-01T00:00:00"):
        assert (await api("DELETE", f"/apps/shop/previews/12?as_of={text}")).status == 422
        assert (await api("PUT", "/apps/shop/previews/12", {"image": IMAGE, "as_of": text})).status == 422


@pytest.mark.parametrize(
    "name", ["o/../../user", "o/..", "o/n/../x", "o/n?x", "o/n\x1b[0m", "o/" + "n" * 1000, "o", ""]
)
async def test_a_repository_is_an_owner_and_a_name(api: Api, name: str):
    answer = await api("PUT", "/apps/shop/previews/7", {"image": IMAGE, "repository": name})

    assert (answer.status, answer.json["why"]) == (422, "expected OWNER/NAME")
