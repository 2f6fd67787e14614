import pytest

from pvdify.client.api import Client, DeployEnded, DeployLine, LogFilter, StepBegan
from pvdify.client.events import StreamLost
from pvdify.errors import AppNotFound
from pvdify.wire.answers import ConfigVar
from pvdify.wire.requests import CreateToken, Deploy, Rollback
from tests.fakes.api import FakeApi

EVENTS = [("step", "pull"), ("", "  pull  done"), ("step", "switch"), ("", "  switch  v1 live")]


def test_apps_are_made_shown_and_destroyed(client: Client, api: FakeApi) -> None:
    created = client.create_app("myapp")

    assert client.app("myapp") == created
    assert client.apps() == [created]
    client.destroy_app("myapp")
    assert api.asked[-1].query == {"confirm": "myapp"}
    assert client.apps() == []


def test_a_deploy_sends_what_is_known_and_nothing_else(client: Client, api: FakeApi) -> None:
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


def test_following_gives_up_when_the_server_stays_away(client: Client, api: FakeApi) -> None:
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


def test_config_is_read_with_its_versions_and_changed(client: Client, api: FakeApi) -> None:
    api.add_release("myapp")
    client.change_config("myapp", {"A": "1", "B": "2"})
    api.config["myapp"]["S"] = {"secret": True}

    changed = client.change_config("myapp", {"B": None})

    assert changed == client.config("myapp")
    assert changed.vars == {"A": ConfigVar(value="1"), "S": ConfigVar(secret=True)}
    assert (changed.version, changed.live_version) == (2, 1)
    assert [(version.set, version.unset) for version in client.config_versions("myapp")] == [
        ([], ["B"]),
        (["A", "B"], []),
    ]


def test_logs_are_filtered_by_the_server(client: Client, api: FakeApi) -> None:
    api.add_app("myapp")
    api.add_log_line("hello")

    lines = client.logs("myapp", LogFilter(lines=5, process="web", release=3))

    assert [line.text for line in lines] == ["hello"]
    assert api.asked[0].query == {"lines": "5", "format": "json", "process": "web", "release": "3"}


def test_a_lost_log_stream_goes_on_without_a_line_twice(client: Client, api: FakeApi) -> None:
    api.add_app("myapp")
    for text in ("one", "two", "three"):
        api.add_log_line(text)
    api.script.cuts.extend([2, 3])

    assert [line.text for line in client.follow_logs("myapp", LogFilter())] == ["one", "two", "three"]


def test_tokens_are_made_listed_and_revoked(client: Client, api: FakeApi) -> None:
    made = client.create_token(CreateToken(name="ci", role="deploy", app="myapp", expires_in=60))

    assert (made.token, made.app) == ("pvd_secret", "myapp")
    assert [token.id for token in client.tokens()] == [made.id]
    client.revoke_token(made.id)
    assert client.tokens() == []


def test_health_and_status(client: Client, api: FakeApi) -> None:
    api.checks = [{"name": "disk", "state": "ok", "text": "90 % free"}]

    assert client.health().status == "ok"
    assert client.status().checks[0].next == ""
    assert client.processes("myapp") == []
