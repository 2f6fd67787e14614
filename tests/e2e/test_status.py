"""On a real server: an app whose only instance crashes or cannot start is reported in every place."""

import subprocess
from collections.abc import Iterator

import pytest

from tests.e2e.trial import Trial
from tests.support.images import build_image, missing_for_podman, push_image
from tests.support.podman import missing_for_systemd
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.podman, pytest.mark.skipif(bool(missing_for_podman()), reason=str(missing_for_podman()))]
CRASHES = "httpd -p $PORT -h /www; echo cannot reach the database; /bin/sleep 3; exit 7"


@pytest.fixture(params=["podman", "systemd"])
def trial(request: pytest.FixtureRequest) -> Iterator[Trial]:
    if request.param == "systemd" and (missing := missing_for_systemd()):
        pytest.skip(missing)
    with Trial("--runtime", request.param) as trial:
        push_image(build_image(content="fine", command=("/bin/sh", "-c", CRASHES)), trial.stage.image("v1"))
        trial.start()
        yield trial


def status_of(trial: Trial) -> str:
    return str(trial.ask("GET", "/apps/odd")[1]["status"])


def test_a_crash_loop_and_a_missing_image_are_reported_everywhere(trial: Trial) -> None:
    trial.pvdify("deploy", "odd", "--image", trial.stage.image("v1"))
    assert status_of(trial) == "live"

    wait_until(lambda: status_of(trial) == "crashing")
    wait_until(lambda: "app.crashing" in actions(trial))

    assert "crashing (exit 7, " in trial.pvdify("ps", "odd").stdout
    assert "crashing (exit 7, " in trial.pvdify("apps").stdout
    overview = trial.pvdify("status", check=False)
    assert (overview.returncode, "odd is crashing (exit 7, " in overview.stdout) == (1, True)
    assert actions(trial).count("app.crashing") == 1
    (event,) = [event for event in events(trial) if event["action"] == "app.crashing"]
    assert "cannot reach the database" in event["text"]

    trial.registry.stop()
    lose_image()

    wait_until(lambda: status_of(trial) == "down")
    wait_until(lambda: "down (image missing)" in trial.pvdify("ps", "odd").stdout)  # from the second try to start it on
    assert "web.1 cannot be started: its image is not on this server" in trial.pvdify("logs", "odd").stdout
    assert "instance.not-started" in actions(trial)


def events(trial: Trial) -> list[dict[str, str]]:
    found: list[dict[str, str]] = trial.ask("GET", "/events?app=odd")[1]["events"]
    return found


def actions(trial: Trial) -> list[str]:
    return [event["action"] for event in events(trial)]


def lose_image() -> None:
    """Remove the image and its containers by force, as an operator could."""
    pins = "reference=localhost/pvdify/*/odd:v1"
    wait_until(lambda: not _podman("images", "--quiet", "--filter", pins) or _remove(pins))


def _remove(pins: str) -> bool:
    for image in set(_podman("images", "--quiet", "--no-trunc", "--filter", pins)):
        subprocess.run(("podman", "rmi", "--force", image), check=False, capture_output=True)
    return False


def _podman(*arguments: str) -> list[str]:
    return subprocess.run(("podman", *arguments), check=True, capture_output=True, text=True).stdout.split()
