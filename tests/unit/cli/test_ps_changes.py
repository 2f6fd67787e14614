"""``pvdify ps:scale`` and its siblings."""

import json

import pytest

from tests.fakes.api import FakeApi
from tests.unit.cli.conftest import Pvdify, Ran

STEPS = [
    {"name": "start", "text": "web.2 :3002", "seconds": 0.21},
    {"name": "switch", "text": "web 2", "seconds": 0.004},
]


SPREAD = (
    "each request of a visitor may now go to another instance. If the app keeps sessions in memory: `affinity: cookie` "
    "for web in pvdify.yml, then deploy\n"
)


@pytest.fixture
def myapp(api: FakeApi) -> FakeApi:
    api.add_release("myapp")
    api.processes["myapp"] = [
        {"name": name, "command": None, "count": 1, "declared": 1, "instances": []} for name in ("web", "worker")
    ]
    return api


def test_a_scale_shows_its_steps_and_how_to_undo_it(pvdify: Pvdify, myapp: FakeApi) -> None:
    myapp.operation_outcome = {"state": "succeeded", "steps": STEPS}

    ran = pvdify("ps:scale", "myapp", "web=2", "worker+1")

    assert ran == Ran(
        stdout="myapp: scale web=2 worker=+1\n",
        stderr=f"  {'start':<13} {'web.2 :3002':<44}   0.2s\n  {'switch':<13} {'web 2':<44}    4ms\n"
        "undo: pvdify ps:scale myapp web=1 worker=1\n" + SPREAD,
    )
    assert next(asked.body for asked in myapp.asked if asked.method == "PATCH") == {"web": "2", "worker": "+1"}


@pytest.mark.parametrize("wanted", ["web=2", "web+1", "web=0", "worker=3"])
@pytest.mark.parametrize("affinity", [None, "cookie"])
def test_scaling_prints_a_note_on_sessions_in_memory(
    pvdify: Pvdify, myapp: FakeApi, wanted: str, affinity: str | None
) -> None:
    myapp.processes["myapp"][0]["affinity"] = affinity
    myapp.operation_outcome = {"state": "succeeded", "steps": []}

    ran = pvdify("ps:scale", "myapp", wanted)

    assert (SPREAD in ran.stderr) == (affinity is None and wanted in ("web=2", "web+1"))


def test_scaling_an_already_scaled_process_prints_no_note_on_sessions(pvdify: Pvdify, myapp: FakeApi) -> None:
    myapp.processes["myapp"][0]["count"] = 2
    myapp.operation_outcome = {"state": "succeeded", "steps": []}

    assert SPREAD not in pvdify("ps:scale", "myapp", "web=3").stderr


def test_ps_scale_without_arguments_prints_the_scale(pvdify: Pvdify, myapp: FakeApi) -> None:
    assert pvdify("ps:scale", "myapp") == Ran(stdout="web=1 worker=1\n")
    assert json.loads(pvdify("ps:scale", "--app", "myapp", "--json").stdout)["scale"] == {"web": 1, "worker": 1}


def test_an_app_name_that_resembles_a_scale_is_the_app(pvdify: Pvdify, myapp: FakeApi) -> None:
    options = pvdify.parse("ps:scale", "myapp-pr-12", "web-1").options

    assert (options.app, options.requested) == ("myapp-pr-12", {"web": "-1"})
    assert pvdify.parse("ps:scale", "--app", "myapp", "web-1").options.requested == {"web": "-1"}


def test_an_invalid_scale_argument_is_a_usage_error(pvdify: Pvdify, myapp: FakeApi) -> None:
    assert '"web=many" is not PROCESS=COUNT; write web=3, web+1 or web-1' in pvdify("ps:scale", "web=many").stderr
    assert pvdify("ps:scale", "myapp", "web=1", "web=2").code == 2
    assert pvdify("ps:scale", "myapp", "wbe=1").code == 2


def test_a_failed_operation_prints_the_reason_and_has_its_exit_code(pvdify: Pvdify, myapp: FakeApi) -> None:
    failure = {"code": "probe-failed", "what": "web.2 exited with code 1", "why": "boom", "next": "pvdify logs myapp"}
    myapp.operation_outcome = {"state": "failed", "failure": failure}

    ran = pvdify("ps:scale", "myapp", "web=2")

    assert ran == Ran(
        stderr="error: probe-failed\n  web.2 exited with code 1\n  why:  boom\n  next: pvdify logs myapp\n", code=7
    )


def test_an_operation_that_no_client_waits_for_is_named(pvdify: Pvdify, myapp: FakeApi) -> None:
    assert pvdify("ps:restart", "myapp", "--no-wait") == Ran(stdout="myapp-restart-1\n")
    assert json.loads(pvdify("ps:stop", "myapp", "--no-wait", "--json").stdout)["state"] == "queued"


def test_restart_stop_and_start(pvdify: Pvdify, myapp: FakeApi) -> None:
    assert pvdify("ps:restart", "myapp") == Ran(stdout="myapp runs new instances of web, worker\n")
    assert pvdify("ps:restart", "--app", "myapp", "web").stdout == "myapp runs new instances of web\n"
    assert pvdify("ps:stop", "myapp") == Ran(stdout="myapp is stopped\n", stderr="undo: pvdify ps:start myapp\n")
    assert pvdify("ps:start", "myapp") == Ran(stdout="myapp is started\n", stderr="undo: pvdify ps:stop myapp\n")
    assert pvdify("ps:restart", "myapp", "web", "worker").code == 2


def test_a_single_argument_is_a_process_of_the_implied_app_unless_an_app_has_that_name(
    pvdify: Pvdify, myapp: FakeApi
) -> None:
    pvdify.environ["PVDIFY_APP"] = "myapp"

    assert pvdify("ps:restart", "web").stdout == "myapp runs new instances of web\n"
    assert pvdify("ps:restart", "worker", "--no-wait").code == 0
    assert pvdify("ps:restart", "myapp").stdout == "myapp runs new instances of web, worker\n"
    assert pvdify("ps:restart").stdout == "myapp runs new instances of web, worker\n"
    assert pvdify("ps:restart", "my_worker").stdout == "myapp runs new instances of my_worker\n"

    myapp.add_release("web")

    assert pvdify("ps:restart", "web").stdout == "web runs new instances of web, worker\n"


def test_a_single_argument_is_the_app_if_none_is_implied(pvdify: Pvdify, myapp: FakeApi) -> None:
    assert "there is no app web" in pvdify("ps:restart", "web").stderr
