"""Deploys, logs and rollbacks over the API."""

import json

import pytest

from tests.unit.api.conftest import IMAGE, Api


async def test_a_deploy_is_accepted_with_the_release_and_its_location(api: Api):
    answer = await api("POST", "/apps/shop/releases", {"image": IMAGE, "commit": "abc", "branch": "main"})

    assert answer.status == 202
    assert answer.headers["location"] == "/api/v1/apps/shop/releases/1"
    assert answer.json["version"] == 1
    assert answer.json["status"] == "pending"
    assert (answer.json["commit"], answer.json["branch"]) == ("abc", "main")


async def test_release_reports_its_digest_receipt_and_url_once_it_is_live(api: Api):
    await api("POST", "/apps/shop/releases", {"image": IMAGE})
    await api.daemon.finish("shop", 1)

    release = (await api("GET", "/apps/shop/releases/1")).json

    assert release["status"] == "active"
    assert release["digest"].startswith("sha256:")
    assert release["failure"] is None
    assert release["url"] == "https://shop.example.com"
    assert list(release["receipt"]["steps"]) == [
        "admit", "pull", "on_failure", "pre_deploy", "start", "health", "workers", "switch", "confirm", "public",
        "post_deploy", "tidy", "guard",
    ]  # fmt: skip
    assert release["receipt"]["requests"]["is_final"] is True


async def test_same_idempotency_key_gives_the_same_release(api: Api):
    first = await api("POST", "/apps/shop/releases", {"image": IMAGE}, idempotency_key="k1")
    again = await api("POST", "/apps/shop/releases", {"image": IMAGE}, idempotency_key="k1")
    other = await api("POST", "/apps/shop/releases", {"image": IMAGE + "x"}, idempotency_key="k1")

    assert (first.json["version"], again.json["version"]) == (1, 1)
    assert (other.status, other.json["code"]) == (409, "idempotency-key-reused")
    assert len((await api("GET", "/apps/shop/releases")).json["releases"]) == 1


async def test_followed_log_ends_with_the_release(api: Api):
    await api("POST", "/apps/shop/releases", {"image": IMAGE})

    answer = await api("GET", "/apps/shop/releases/1/log?follow=1")

    events = answer.content.decode().strip().split("\n\n")
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert any(event.startswith("event: step") and "data: pull" in event for event in events)
    assert events[-1].startswith("event: end\ndata: ")
    assert json.loads(events[-1].partition("data: ")[2])["status"] == "active"


@pytest.mark.parametrize(
    ("query", "is_followed"),
    [
        ("follow", True), ("follow=", True), ("follow=1", True), ("follow=True", True), ("lines=1&follow", True),
        ("follow=0", False), ("follow=false", False), ("", False),
    ],
)  # fmt: skip
async def test_a_log_is_followed_by_the_bare_name_too(api: Api, query: str, is_followed: bool):
    await api("POST", "/apps/shop/releases", {"image": IMAGE})
    await api.daemon.finish("shop", 1)

    answer = await api("GET", f"/apps/shop/releases/1/log?{query}")

    assert answer.headers["content-type"].startswith("text/event-stream") is is_followed


async def test_an_invalid_boolean_query_is_refused(api: Api):
    await api("POST", "/apps/shop/releases", {"image": IMAGE})

    answer = await api("GET", "/apps/shop/releases/1/log?follow=2")

    assert (answer.status, answer.json["detail"]) == (422, 'the query parameter follow is "2"')


async def test_a_followed_log_resumes_after_the_last_event_id(api: Api):
    await api("POST", "/apps/shop/releases", {"image": IMAGE})
    await api.daemon.finish("shop", 1)
    whole = (await api("GET", "/apps/shop/releases/1/log?follow=1")).content.decode()

    rest = (await api("GET", "/apps/shop/releases/1/log?follow=1", last_event_id="3")).content.decode()

    assert "id: 3\n" in whole
    assert "id: 3\n" not in rest
    assert "id: 4\n" in rest


async def test_log_is_text(api: Api):
    await api("POST", "/apps/shop/releases", {"image": IMAGE})
    await api.daemon.finish("shop", 1)

    answer = await api("GET", "/apps/shop/releases/1/log")

    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    steps = [line.split()[0] for line in answer.content.decode().splitlines() if line[2] != " "]
    assert steps == ["pull", "start", "health", "switch"]


async def test_rollback_is_planned_and_done(api: Api):
    for image in (IMAGE, IMAGE + "b"):
        api.machine.registry.push(image)
        version = (await api("POST", "/apps/shop/releases", {"image": image})).json["version"]
        await api.daemon.finish("shop", version)

    plan = (await api("GET", "/apps/shop/rollback")).json
    answer = await api("POST", "/apps/shop/rollback", {"version": 1})
    await api.daemon.finish("shop", 3)

    assert (plan["current"]["version"], plan["target"]["version"], plan["is_warm"]) == (2, 1, True)
    assert next((it["name"], it["before"], it["after"]) for it in plan["changes"]) == ("reference", IMAGE + "b", IMAGE)
    assert (answer.status, answer.json["description"]) == (202, "rollback to v1")
    assert (await api("GET", "/apps/shop")).json["release"] == 3


async def test_plan_of_a_rollback_names_the_volumes_that_it_leaves_alone(api: Api):
    old = {"data": {"path": "/data"}, "scratch": {"path": "/scratch", "ephemeral": True}}
    new = {"data": {"path": "/data"}, "uploads": {"path": "/up", "shared": True}}
    for volumes in (old, new):
        version = (await api("POST", "/apps/shop/releases", {"image": IMAGE, "manifest": {"volumes": volumes}})).json
        await api.daemon.finish("shop", version["version"])

    plan = (await api("GET", "/apps/shop/rollback")).json

    assert plan["volumes"] == ["data", "uploads"]


async def test_diff_compares_with_what_is_live_unless_asked(api: Api):
    await api("PATCH", "/apps/shop/config", {"A": "1"})
    for body in ({"image": IMAGE}, {"image": IMAGE, "manifest": {"port": 3000}}):
        version = (await api("POST", "/apps/shop/releases", body)).json["version"]
        await api.daemon.finish("shop", version)

    to_live = (await api("GET", "/apps/shop/releases/1/diff")).json
    to_itself = (await api("GET", "/apps/shop/releases/2/diff?to=v2")).json
    missing = await api("GET", "/apps/shop/releases/1/diff?to=9")

    assert to_live == {
        "app": "shop", "before": 1, "after": 2,
        "changes": [{"part": "manifest", "name": "port", "change": "added", "before": None, "after": "3000"}],
    }  # fmt: skip
    assert to_itself["changes"] == []
    assert (missing.status, missing.json["code"]) == (404, "release-not-found")


async def test_canceling_a_live_release_is_a_conflict(api: Api):
    await api("POST", "/apps/shop/releases", {"image": IMAGE})
    await api.daemon.finish("shop", 1)

    answer = await api("POST", "/apps/shop/releases/1/cancel")

    assert (answer.status, answer.json["code"]) == (409, "release-not-cancelable")


BAD_MANIFEST = "port: x\nprocesses: {web: {count: -1}}"


@pytest.mark.parametrize(("method", "path"), [("POST", "/apps/shop/releases"), ("PUT", "/apps/shop/previews/1")])
async def test_all_problems_of_fields_image_and_manifest_come_in_one_answer(api: Api, method: str, path: str):
    body = {"image": "Upper/Case", "manifest": BAD_MANIFEST, "colour": 1, "run_number": "x"}

    answer = await api(method, path, body)

    assert (answer.status, answer.json["code"]) == (422, "invalid-request")
    starts = [problem.partition(":")[0] for problem in answer.json["problems"]]
    assert starts == ["run_number", "colour", '"Upper/Case" is not an image reference', "manifest", "manifest"]


async def test_a_commit_is_judged_also_if_another_field_has_a_wrong_type(api: Api):
    body = {"image": IMAGE, "commit": "", "branch": "x" * 5000, "run_number": "x"}

    answer = await api("POST", "/apps/shop/releases", body)

    starts = [problem.partition(":")[0] for problem in answer.json["problems"]]
    assert starts == ["run_number", "the commit of this deploy is not one", "the branch of this deploy is not one"]


async def test_image_and_manifest_and_name_are_judged_together(api: Api):
    answer = await api("POST", "/apps/SHOP/releases", {"image": "Upper/Case", "manifest": BAD_MANIFEST})

    assert answer.status == 422
    assert len(answer.json["problems"]) == 4


async def test_a_manifest_alone_keeps_its_own_error(api: Api):
    answer = await api("POST", "/apps/shop/releases", {"image": IMAGE, "manifest": BAD_MANIFEST})

    assert (answer.status, answer.json["code"], len(answer.json["problems"])) == (422, "invalid-manifest", 2)
