"""On a real server: the request that ends an app's only instance is named."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.trial import Trial
from tests.support.images import missing_for_podman
from tests.support.podman import missing_for_systemd
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.podman, pytest.mark.skipif(bool(missing_for_podman()), reason=str(missing_for_podman()))]


@pytest.fixture(params=["podman", "systemd"])
def trial(request: pytest.FixtureRequest) -> Iterator[Trial]:
    if request.param == "systemd" and (missing := missing_for_systemd()):
        pytest.skip(missing)
    with Trial("--runtime", request.param) as trial:
        trial.push("v1")
        trial.start()
        trial.pvdify("deploy", "hello", "--image", trial.stage.image("v1"))
        yield trial


def test_the_request_that_crashed_the_only_instance_is_named(trial: Trial) -> None:
    status, _, _ = trial.get("hello", "/crash?token=not-to-be-shown")

    event = first_event(trial, "instance.died-in-request")

    assert status == 502
    assert event["text"] == "web.1 exited with code 70 while it worked at GET /crash"
    assert (event["app"], event["release"]) == ("hello", 1)
    assert "not-to-be-shown" not in trial.pvdify("events", "hello", "--json").stdout


def first_event(trial: Trial, action: str) -> dict[str, Any]:
    """The app's first event of this kind, as soon as it is recorded."""

    def found() -> list[dict[str, Any]]:
        events = trial.ask("GET", "/events?app=hello")[1]["events"]
        return [event for event in events if event["action"] == action]

    wait_until(found, f"no {action}")
    return found()[-1]
