import pytest

from pvdify.client.api import Client
from pvdify.client.calls.releases import DeployEnded, DeployLine, StepBegan
from pvdify.client.events import StreamLost
from pvdify.errors import AppNotFound
from pvdify.wire.requests import Deploy, Rollback
from tests.fakes.api import FakeApi

EVENTS = [("step", "pull"), ("", "  pull  done"), ("step", "switch"), ("", "  switch  v1 live")]


def test_a_deploy_sends_only_the_given_fields(client: Client, api: FakeApi) -> None:
    client.deploy("myapp", Deploy(image="app:v1", commit="c0ffee", branch="main", run_number=7))

    assert api.asked[0].body == {
        "image": "app:v1", "commit": "c0ffee", "branch": "main", "run_number": 7, "allow_older": False
    }  # fmt: skip


def test_a_deploy_is_followed_to_its_end(client: Client, api: FakeApi) -> None:
    api.script.events = EVENTS
    client.deploy("myapp", Deploy(image="app:v1"))

    *lines, ended = client.follow_deploy("myapp", 1)

    assert lines == [
        StepBegan(step="pull"),
        DeployLine(text="  pull  done"),
        StepBegan(step="switch"),
        DeployLine(text="  switch  v1 live"),
    ]
    assert isinstance(ended, DeployEnded)
    assert ended.release.status == "active"


def test_a_deploy_is_followed_across_lost_connections_without_a_line_twice(client: Client, api: FakeApi) -> None:
    api.script.events = EVENTS
    api.script.cuts.extend([1, 0, 2])
    client.deploy("myapp", Deploy(image="app:v1"))

    events = list(client.follow_deploy("myapp", 1))

    assert len(events) == len(EVENTS) + 1
    assert [asked.headers.get("last-event-id") for asked in api.asked[1:]] == [None, "0", "0", "2"]


def test_following_gives_up_if_the_server_stays_unreachable(client: Client, api: FakeApi) -> None:
    api.script.cuts.extend([0] * 100)
    api.add_release("myapp")
    api.script.events = EVENTS

    with pytest.raises(StreamLost):
        list(client.follow_deploy("myapp", 1))


def test_following_an_app_that_is_not_there_is_refused_at_once(client: Client) -> None:
    with pytest.raises(AppNotFound):
        list(client.follow_deploy("myapp", 1))


def test_rollback_and_its_plan(client: Client, api: FakeApi) -> None:
    api.add_release("myapp")
    api.add_release("myapp", image="app:v2")

    plan = client.rollback_plan("myapp", None)
    release = client.rollback("myapp", Rollback(version=1))

    assert (plan.current.version if plan.current else None, plan.target.version, plan.is_warm) == (2, 1, True)
    assert (release.version, release.image) == (3, "ghcr.io/org/app:v1")
    assert [asked.body for asked in api.asked] == [None, {"version": 1}]


def test_a_release_is_canceled(client: Client, api: FakeApi) -> None:
    api.add_release("myapp", status="deploying")

    assert client.cancel("myapp", 1).status == "canceled"
    assert client.release("myapp", 1).status == "canceled"
    assert [release.version for release in client.releases("myapp", limit=1)] == [1]
