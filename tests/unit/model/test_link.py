"""The claims that a workflow's token needs; every refusal names the claim."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pvdify.errors import IdentityRefused, InvalidError
from pvdify.model.link import Expected, Link, check_link, check_token, described, link_for
from tests.support.issuer import AUDIENCE, ISSUER, claims_of_a_push

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
SECONDS = int(NOW.timestamp())
EXPECTED = Expected(issuer=ISSUER, audience=AUDIENCE)
LINK = Link(
    app="shop", repository="org/shop", repository_id=74, owner_id=65, branch="main", allows_previews=True,
    created_at=NOW, created_by="admin",
)  # fmt: skip
PULL_REQUEST = {"event_name": "pull_request", "ref": "refs/pull/12/merge"}


def claims(**changed: Any) -> dict[str, Any]:
    return claims_of_a_push(NOW, **changed)


def test_a_push_to_the_branch_deploys_the_app():
    assert check_token(claims(), EXPECTED, NOW) == NOW + timedelta(seconds=600)
    assert link_for(claims(), "shop", (LINK,)) is LINK


@pytest.mark.parametrize(
    ("changed", "claim"),
    [
        ({"iss": ISSUER + "/"}, "iss"), ({"iss": ISSUER + "/someone"}, "iss"), ({"iss": None}, "iss"),
        ({"aud": "https://example.org"}, "aud"), ({"aud": [AUDIENCE]}, "aud"), ({"aud": [AUDIENCE, "x"]}, "aud"),
        ({"aud": None}, "aud"), ({"aud": AUDIENCE + "/"}, "aud"),
        ({"exp": SECONDS - 30}, "exp"), ({"exp": None}, "exp"), ({"exp": "never"}, "exp"), ({"exp": True}, "exp"),
        ({"exp": SECONDS + 3601}, "exp"), ({"exp": 10**18}, "exp"), ({"exp": -1}, "exp"), ({"exp": 1.5}, "exp"),
        ({"nbf": SECONDS + 31}, "nbf"), ({"nbf": None}, "nbf"), ({"iat": SECONDS + 31}, "iat"), ({"iat": []}, "iat"),
        ({"jti": None}, "jti"), ({"jti": ""}, "jti"), ({"jti": 5}, "jti"), ({"jti": "x" * 5000}, "jti"),
    ],
)  # fmt: skip
def test_a_token_with_an_invalid_standard_claim_is_refused(changed: dict[str, Any], claim: str):
    with pytest.raises(IdentityRefused) as refused:
        check_token({**claims(), **changed}, EXPECTED, NOW)

    assert refused.value.details["claim"] == claim
    assert refused.value.why.startswith(claim)


def test_clocks_may_differ_by_half_a_minute():
    check_token(claims(exp=SECONDS - 29, nbf=SECONDS + 29, iat=SECONDS + 29), EXPECTED, NOW)


@pytest.mark.parametrize(
    ("app", "changed", "claim"),
    [
        ("shop", {"repository_id": "75"}, "repository_id"), ("shop", {"repository_id": 74}, "repository_id"),
        ("shop", {"repository_id": "074"}, "repository_id"), ("shop", {"repository_id": None}, "repository_id"),
        ("shop", {"repository_owner_id": "66"}, "repository_owner_id"),
        ("shop", {"repository_owner_id": None}, "repository_owner_id"),
        ("shop", {"ref": "refs/heads/develop"}, "ref"), ("shop", {"ref": "main"}, "ref"),
        ("shop", {"ref": "refs/tags/main"}, "ref"), ("shop", {"ref": "refs/heads/main2"}, "ref"),
        ("shop", {"ref": None}, "ref"), ("shop", PULL_REQUEST, "event_name"),
        *[("shop", {"event_name": event}, "event_name") for event in (
            "workflow_run", "issue_comment", "issues", "pull_request", "pull_request_review", "repository_dispatch",
            "merge_group", "delete", "Push", "push ", "fork", "watch", "discussion_comment", "check_run")],
        ("shop", {"event_name": "release", "ref": "refs/tags/v1"}, "ref"),
        ("shop-pr-12", {"event_name": "pull_request_target", "ref": "refs/heads/main"}, "event_name"),
        ("shop-pr-12", {"event_name": "pull_request_target", "ref": "refs/pull/12/merge"}, "event_name"),
        ("shop-pr-12", {"event_name": "pull_request", "ref": "refs/heads/main"}, "ref"),
        ("shop-pr-12", {"event_name": "pull_request", "ref": "refs/heads/develop", "head_ref": "x"}, "ref"),
        ("shop-pr-12", {"event_name": "issue_comment"}, "event_name"),
        ("shop-pr-12", PULL_REQUEST | {"ref": "refs/pull/12/head"}, "ref"),
        ("shop", {"event_name": "pull_request_target"}, "event_name"), ("shop", {"event_name": None}, "event_name"),
        ("shop-pr-12", {"ref": "refs/heads/feature"}, "ref"),
        ("shop-pr-13", PULL_REQUEST, "ref"),
        ("shop-pr-1", PULL_REQUEST, "ref"),
        ("shop-pr-12", PULL_REQUEST | {"ref": "refs/pull/12/other"}, "ref"),
        ("shop-pr-12", PULL_REQUEST | {"repository_id": "75"}, "repository_id"),
    ],
)  # fmt: skip
def test_a_workflow_that_is_not_linked_is_refused(app: str, changed: dict[str, Any], claim: str):
    with pytest.raises(IdentityRefused) as refused:
        link_for({name: it for name, it in {**claims(), **changed}.items() if it is not None}, app, (LINK,))

    assert refused.value.details["claim"] == claim


@pytest.mark.parametrize(
    "changed",
    [
        PULL_REQUEST,
        {"event_name": "pull_request", "ref": "refs/heads/develop", "head_ref": "fix-login"},  # merged there
        {"event_name": "push", "ref": "refs/heads/main"},
    ],
)
def test_a_pull_request_updates_its_preview(changed: dict[str, Any]):
    assert link_for(claims(**changed), "shop-pr-12", (LINK,), preview_branch="fix-login") is LINK


@pytest.mark.parametrize("event", ["push", "workflow_dispatch", "schedule", "release"])
def test_four_events_deploy_by_default(event: str):
    assert link_for(claims(event_name=event), "shop", (LINK,)) is LINK


def test_a_link_may_allow_other_events():
    link = replace(LINK, events=("workflow_run",))

    assert link_for(claims(event_name="workflow_run"), "shop", (link,)) is link
    with pytest.raises(IdentityRefused):
        link_for(claims(), "shop", (link,))


def test_the_tag_of_a_release_deploys_where_an_environment_guards_it():
    link = replace(LINK, environment="production")
    release = claims(event_name="release", ref="refs/tags/v1", environment="production")

    assert link_for(release, "shop", (link,)) is link
    with pytest.raises(IdentityRefused):
        link_for(release | {"event_name": "push"}, "shop", (link,))


@pytest.mark.parametrize("named", ["deploy.yml", ".github/workflows/deploy.yml"])
def test_the_workflow_file_is_that_of_the_link(named: str):
    link = replace(LINK, workflow=named)

    ours = "org/shop/.github/workflows/deploy.yml@refs/heads/main"
    assert link_for(claims(workflow_ref=ours), "shop", (link,)) is link
    for other in (None, "", "org/shop/.github/workflows/other.yml@x", "org/shop/deploy.yml@x",
                  "org/shop/.github/workflows/x/.github/workflows/deploy.yml@x",
                  "org/rules/.github/workflows/deploy.yml@refs/heads/main", "org/shop2/.github/workflows/deploy.yml@x",
                  ".github/workflows/deploy.yml@x"):  # fmt: skip
        with pytest.raises(IdentityRefused) as refused:
            link_for(claims(workflow_ref=other), "shop", (link,))
        assert refused.value.details["claim"] == "workflow_ref"


@pytest.mark.parametrize(
    ("events", "workflow", "part"),
    [
        ((), None, "events"), (("Push",), None, "events"), (("pull_request",), None, "events"),
        (("pull_request_target", "push"), None, "events"), (("push",), "../deploy.yml", "workflow"),
        (("push",), "deploy", "workflow"), (("push",) * 21, None, "events"),
    ],
)  # fmt: skip
def test_invalid_events_and_workflows_are_refused(events: tuple[str, ...], workflow: str | None, part: str):
    with pytest.raises(InvalidError) as refused:
        check_link("org/shop", "main", None, events, workflow)

    assert str(refused.value.details["problems"]).startswith(f"['{part}: ")


def test_a_link_without_previews_makes_none():
    link = Link(**{**vars(LINK), "allows_previews": False})

    with pytest.raises(IdentityRefused, match="not accepted") as refused:
        link_for(claims(**PULL_REQUEST), "shop-pr-12", (link,))

    assert "does not allow previews" in refused.value.why


def test_an_environment_is_required_if_the_link_names_one():
    link = Link(**{**vars(LINK), "environment": "production"})

    assert link_for(claims(environment="Production"), "shop", (link,)) is link
    for other in (None, "staging", ""):
        with pytest.raises(IdentityRefused) as refused:
            link_for(claims(environment=other), "shop", (link,))
        assert refused.value.details["claim"] == "environment"


def test_one_of_several_links_is_enough():
    other = Link(**{**vars(LINK), "repository_id": 99, "repository": "org/tools"})

    assert link_for(claims(repository_id="99"), "shop", (LINK, other)) is other


@pytest.mark.parametrize(
    ("repository", "branch", "environment", "part"),
    [
        ("shop", "main", None, "repository"), ("org/shop/x", "main", None, "repository"),
        ("-o/x", "m", None, "repository"),
        ("org/shop", "", None, "branch"), ("org/shop", "refs/heads/main", None, "branch"),
        ("org/shop", "main", " ", "environment"), ("org/shop", "ma\nin", None, "branch"),
    ],
)  # fmt: skip
def test_an_invalid_link_is_refused(repository: str, branch: str, environment: str | None, part: str):
    with pytest.raises(InvalidError) as refused:
        check_link(repository, branch, environment)

    assert str(refused.value.details["problems"]).startswith(f"['{part}: ")


def test_the_description_of_a_workflow_is_shortened_and_omits_missing_claims():
    described_claims = described(claims(actor=None, ref="x" * 500))

    assert described_claims.startswith("repository org/shop, ref xxx")
    assert len(described_claims) < 400
