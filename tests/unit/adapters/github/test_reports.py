"""Deployments and comments on GitHub; the fake validates every request against GitHub's OpenAPI description."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from pvdify.adapters.github import report_bodies
from pvdify.adapters.github.reports import GithubReports
from pvdify.adapters.github.rest import RestApi
from pvdify.adapters.httpx2.web import HttpxWeb
from pvdify.model.action import Action
from pvdify.model.notice import Attempt, Delivery, Notice
from tests.fakes.github_api import FakeGithub
from tests.fakes.github_description import check_request

AT = datetime(2026, 1, 1, 12, tzinfo=UTC)
LIVE = Notice(
    id=7, at=AT, action=Action("deploy.live"), actor="ci", app="shop-pr-12", environment="preview", release=2,
    url="https://shop-pr-12.example.com", image="ghcr.io/org/shop:pr-12", commit="c0ffee", repository="org/shop",
    pull_request=12,
)  # fmt: skip
PRODUCTION = replace(
    LIVE, app="shop", environment="production", url="https://shop.example.com", pull_request=None
)  # fmt: skip


@pytest.fixture
def github() -> Iterator[FakeGithub]:
    with FakeGithub() as github:
        yield github
        github.check()


async def send(github: FakeGithub, notice: Notice, attempts: int = 0) -> Attempt:
    delivery = Delivery(
        id=f"github-{notice.id}", subscription="github", notice=notice, attempts=attempts, created_at=AT, due_at=AT
    )
    web = HttpxWeb()
    try:
        return await GithubReports(RestApi(web=web, url=github.url, token="t")).send(delivery, {})
    finally:
        await web.close()


async def test_a_preview_has_one_comment_that_is_edited_in_place(github: FakeGithub):
    github.state.comments += [{**_foreign(1000 + number), "body": f"comment {number}"} for number in range(130)]

    await send(github, LIVE)
    await send(github, replace(LIVE, id=9, release=3))
    await send(
        github, replace(LIVE, id=11, action=Action("preview.closed"), release=None, text="goes at 2026-01-02 12:00Z")
    )

    ours = [it["body"] for it in github.state.comments if "pvdify" in it["body"]]
    assert ours == [
        "<!-- pvdify:shop-pr-12:11 -->\n### Preview: https://shop-pr-12.example.com\n\n| | |\n|---|---|\n"
        "| status | the pull request is closed; goes at 2026-01-02 12:00Z, and stays if it is opened again |\n"
        "| image | `ghcr.io/org/shop:pr-12` |\n| commit | c0ffee |\n| as of | 2026-01-01 12:00 UTC |\n"
    ]


async def test_a_late_notice_overwrites_nothing(github: FakeGithub):
    await send(github, replace(LIVE, id=9, release=3))

    attempt = await send(github, replace(LIVE, id=7), attempts=1)

    assert attempt.is_delivered
    assert "v3 is live" in github.state.comments[0]["body"]


async def test_the_comment_of_another_preview_is_not_changed(github: FakeGithub):
    await send(github, LIVE)
    await send(github, replace(LIVE, app="api-pr-12"))

    assert len(github.state.comments) == 2


async def test_each_release_is_a_deployment_of_its_commit(github: FakeGithub):
    await send(github, PRODUCTION)
    await send(
        github, replace(LIVE, id=8, action=Action("deploy.failed"), failure="web.1 did not answer", failure_code="x")
    )

    production, preview = github.state.deployments[1], github.state.deployments[0]
    assert (production["sha"], production["environment"]) == ("c0ffee", "shop")
    assert (production["production_environment"], production["transient_environment"]) == (True, False)
    assert (preview["environment"], preview["transient_environment"]) == ("shop-pr-12", True)
    assert [(id, it["state"], it["environment_url"]) for id, it in github.state.statuses] == [
        (1, "success", "https://shop.example.com"),
        (2, "failure", "https://shop-pr-12.example.com"),
    ]
    assert github.state.comments[0]["body"].count("web.1 did not answer") == 1


async def test_a_lost_answer_creates_no_second_deployment(github: FakeGithub):
    github.state.lose_answers = 1

    first = await send(github, PRODUCTION)
    second = await send(github, PRODUCTION, attempts=1)

    assert (first.is_delivered, first.is_final, second.is_delivered) == (False, False, True)
    assert len(github.state.deployments) == 1
    assert [id for id, _ in github.state.statuses] == [1]


async def test_a_kill_before_the_attempt_was_recorded_creates_no_second_deployment(github: FakeGithub):
    await send(github, PRODUCTION)
    await send(github, PRODUCTION)  # after a restart; the same delivery, without an attempt

    assert len(github.state.deployments) == 1
    assert [id for id, _ in github.state.statuses] == [1, 1]


async def test_a_removed_preview_has_no_active_deployment(github: FakeGithub):
    await send(github, LIVE)

    await send(github, replace(LIVE, id=9, action=Action("preview.ended"), release=None, text="closed"))

    assert [it["state"] for _, it in github.state.statuses] == ["success", "inactive"]
    assert "gone, with everything of it" in github.state.comments[0]["body"]


async def test_an_app_without_a_repository_is_not_reported(github: FakeGithub):
    attempt = await send(github, replace(LIVE, repository=None))

    assert attempt.is_delivered
    assert github.state.asked == []


async def test_without_a_commit_there_is_a_comment_and_no_deployment(github: FakeGithub):
    await send(github, replace(LIVE, commit=None))

    assert (len(github.state.comments), len(github.state.deployments)) == (1, 0)


@pytest.mark.parametrize(("status", "is_final"), [(403, True), (404, True), (422, True), (500, False), (429, False)])
async def test_a_refusal_is_final_and_a_missing_answer_is_retried(github: FakeGithub, status: int, is_final: bool):
    github.state.faults = [status]

    attempt = await send(github, LIVE)

    assert (attempt.is_delivered, attempt.is_final) == (False, is_final)
    assert str(status) in attempt.text or "too many" in attempt.text


def test_foreign_text_is_escaped_and_mentions_no_user():
    notice = replace(LIVE, action=Action("deploy.failed"), failure="@team | <b>`x`\n[a](b)", failure_code="x")

    line = next(it for it in report_bodies.comment(notice)["body"].splitlines() if it.startswith("| status"))

    assert line == "| status | shop-pr-12 v2 failed: @\u200bteam \\| \\<b\\>'x' \\[a\\](b) |"


def test_a_commit_named_by_an_app_token_is_escaped_too():
    notice = replace(LIVE, commit="@team **see** [log in](https://evil.example) \u202e", image="x`y\x1b[31m")

    lines = report_bodies.comment(notice)["body"].splitlines()

    assert "| commit | @\u200bteam \\*\\*see\\*\\* \\[log in\\](https://evil.example) |" in lines
    assert "| image | `x'y` |" in lines


def test_the_fake_refuses_requests_outside_githubs_description():
    good: dict[str, Any] = {"ref": "c0ffee"}
    check_request("POST", "/repos/o/r/deployments", {}, good)
    check_request("GET", "/repos/o/r", {}, None)
    check_request("GET", "/repos/o/r/pulls/12", {}, None)

    for method, path, query, body in (
        ("POST", "/repos/o/r/deployments", {}, {}),
        ("POST", "/repos/o/r/deployments", {}, good | {"environments": "x"}),
        ("POST", "/repos/o/r/deployments", {}, good | {"auto_merge": "no"}),
        ("POST", "/repos/o/r/deployments/1/statuses", {}, {"state": "done"}),
        ("GET", "/repos/o/r/issues/12/comments", {"perpage": "100"}, None),
        ("DELETE", "/repos/o/r/issues/comments/1", {}, None),
    ):
        with pytest.raises(AssertionError):
            check_request(method, path, query, body)


def _foreign(id: int) -> dict[str, Any]:
    at, url = "2026-01-01T12:00:00Z", "https://api.github.com/x"
    return {"id": id, "node_id": "n", "url": url, "html_url": url, "issue_url": url, "user": None, "created_at": at,
            "updated_at": at, "author_association": "NONE"}  # fmt: skip
