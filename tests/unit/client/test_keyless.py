"""A workflow without a stored token signs in with GitHub's OIDC token."""

import json
from collections.abc import Iterator

import pytest

from pvdify.client.endpoint import parse_url
from pvdify.client.keyless import sign_in
from pvdify.client.target import Target, find_target
from pvdify.errors import IdentityRefused, InvalidSetting, NotSignedIn
from tests.fakes.api import FakeApi, Fault
from tests.fakes.runner_tokens import RunnerTokens, given


@pytest.fixture
def github() -> Iterator[RunnerTokens]:
    with RunnerTokens() as running:
        yield running


@pytest.fixture
def api() -> Iterator[FakeApi]:
    with FakeApi() as running:
        yield running


def target(url: str, environ: dict[str, str]) -> Target:
    return find_target(url, environ, socket=None)


def test_the_github_token_is_requested_for_this_server_and_exchanged_for_one_app(github: RunnerTokens, api: FakeApi):
    api.faults.append(given("pvd_short"))

    signed_in = sign_in(target(api.url, github.environ), github.environ, "shop-pr-12")

    assert signed_in.token == "pvd_short"
    path, authorization = github.asked[0]
    assert path == f"/token?api-version=2.0&audience={api.url.replace(':', '%3A').replace('/', '%2F')}"
    assert authorization == "Bearer of-the-runner"
    assert (api.asked[0].path, api.asked[0].body) == (
        "/api/v1/auth/github",
        {"token": "of-github", "app": "shop-pr-12"},
    )
    assert "authorization" not in api.asked[0].headers


def test_a_stored_token_is_used_as_it_is(github: RunnerTokens, api: FakeApi):
    environ = {**github.environ, "PVDIFY_TOKEN": "pvd_stored"}

    assert sign_in(target(api.url, environ), environ, "shop").token == "pvd_stored"
    assert github.asked == []


@pytest.mark.parametrize("changed", [{"GITHUB_ACTIONS": ""}, {"GITHUB_ACTIONS": "false"}])
def test_outside_of_a_workflow_no_token_is_requested(github: RunnerTokens, api: FakeApi, changed: dict[str, str]):
    environ = {**github.environ, **changed}

    assert sign_in(target(api.url, environ), environ, "shop").token is None
    assert github.asked == []


def test_no_token_is_requested_without_an_app_or_on_the_server_itself(github: RunnerTokens, api: FakeApi):
    assert sign_in(target(api.url, github.environ), github.environ, None).token is None
    assert sign_in(target("unix:///run/x.sock", github.environ), github.environ, "shop").token is None
    assert github.asked == []


def test_a_job_without_the_permission_names_the_line_to_add(github: RunnerTokens, api: FakeApi):
    environ = {**github.environ, "ACTIONS_ID_TOKEN_REQUEST_TOKEN": ""}

    with pytest.raises(NotSignedIn, match="this workflow has no token") as refused:
        sign_in(target(api.url, environ), environ, "shop")

    assert "id-token: write" in refused.value.next
    assert "pvdify github:link shop OWNER/REPO" in refused.value.next


@pytest.mark.parametrize("content", [b"<html>", b"{}", b"[]", b'{"value": 5}'])
def test_an_answer_without_a_token_is_reported(github: RunnerTokens, api: FakeApi, content: bytes):
    github.content = content

    with pytest.raises(NotSignedIn, match="gave this workflow no token"):
        sign_in(target(api.url, github.environ), github.environ, "shop")


def test_a_refusal_of_github_is_reported(github: RunnerTokens, api: FakeApi):
    github.status = 403

    with pytest.raises(NotSignedIn, match="gave this workflow no token") as refused:
        sign_in(target(api.url, github.environ), github.environ, "shop")

    assert "403" in refused.value.why


def test_the_runners_secret_is_never_sent_over_plain_http(api: FakeApi):
    given = {"ACTIONS_ID_TOKEN_REQUEST_URL": "http://192.0.2.1/token?x=1", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "s"}
    environ = {"GITHUB_ACTIONS": "true", "HOME": "/nonexistent", **given}

    with pytest.raises(NotSignedIn, match="no token"):
        sign_in(target(api.url, environ), environ, "shop")


def test_a_refusal_of_the_server_is_passed_on(github: RunnerTokens, api: FakeApi):
    problem = {"code": "identity-refused", "detail": "not accepted", "why": "ref is wrong", "next": "link it"}
    api.faults.append(Fault(status=401, content=json.dumps(problem).encode(), content_type="application/problem+json"))

    with pytest.raises(IdentityRefused, match="not accepted") as refused:
        sign_in(target(api.url, github.environ), github.environ, "shop")

    assert refused.value.why == "ref is wrong"


def test_no_token_is_asked_for_where_no_server_was_named() -> None:
    target = Target(endpoint=parse_url("https://pvdify.win"), is_default=True)

    with pytest.raises(InvalidSetting, match="no server was named"):
        sign_in(target, {"GITHUB_ACTIONS": "true"}, "myapp")
