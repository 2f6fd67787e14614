"""A real podman that hangs: visitors are served, the outcome is reported in time, and cleanup follows later."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pvdify.engine.deploys import patience
from tests.e2e.trial import Trial
from tools.demo import stage as stages

ASKED = 120.0  # the longest that one call waits
HANGS = """\
#!/bin/sh
# hangs and ignores SIGTERM as long as the file exists
if [ -e {file} ]; then trap '' TERM; while [ -e {file} ]; do sleep 0.2; done; exit 1; fi
exec podman "$@"
"""


@pytest.fixture
def hang(tmp_path: Path) -> Path:
    return tmp_path / "hangs"


@pytest.fixture
def trial(tmp_path: Path, hang: Path) -> Iterator[Trial]:
    podman = tmp_path / "podman"
    podman.write_text(HANGS.format(file=hang), encoding="utf-8")
    podman.chmod(0o755)
    with Trial("--podman-binary", str(podman)) as trial:
        trial.push("v1")
        trial.push("v2")
        trial.start()
        yield trial
        hang.unlink(missing_ok=True)


def said_of_the_deploy(trial: Trial) -> list[str]:
    return trial.pvdify("logs", "hello", "--deploy").stdout.splitlines()


@pytest.mark.long
def test_a_deploy_ends_in_time_and_what_it_left_is_removed_later(trial: Trial, hang: Path) -> None:
    manifest = hang.with_name("pvdify.yml")
    manifest.write_text("healthcheck: {path: /missing, interval: 5s, retries: 3}\n", encoding="utf-8")
    trial.pvdify("deploy", "hello", "--image", trial.stage.image("v1"))
    trial.pvdify("deploy", "hello", "--image", trial.stage.image("v2"), "--manifest", str(manifest), "--no-wait")
    deadline = time.monotonic() + 60
    while not any(line.split()[:1] == ["start"] for line in said_of_the_deploy(trial)):
        assert time.monotonic() < deadline
        time.sleep(0.1)

    hang.touch()
    begun, served = time.monotonic(), []
    while not trial.is_idle() and time.monotonic() - begun < 600:
        served.append(trial.get("hello")[0])
        time.sleep(1)
    took = time.monotonic() - begun
    release = trial.ask("GET", "/apps/hello/releases/2")[1]
    hang.unlink()

    assert served[-1] == 200, stages.last_words(trial.stage)
    assert served == [200] * len(served), stages.last_words(trial.stage)
    assert (release["status"], release["failure"]["code"]) == ("failed", "probe-failed")
    assert took < ASKED + patience.SECONDS + 60
    assert "Could not be put back" in release["failure"]["next"]
    until = time.monotonic() + 120
    while any("-v2-" in name for name in trial.containers()):
        assert time.monotonic() < until, "it is never removed"
        time.sleep(0.5)
    fine = hang.with_name("fine.yml")
    fine.write_text("{}\n", encoding="utf-8")
    trial.pvdify("deploy", "hello", "--image", trial.stage.image("v2"), "--manifest", str(fine))


@pytest.mark.long
def test_a_deploy_that_hangs_from_the_start_is_reported(trial: Trial, hang: Path) -> None:
    trial.pvdify("deploy", "hello", "--image", trial.stage.image("v1"))
    hang.touch()

    trial.pvdify("deploy", "hello", "--image", trial.stage.image("v2"), "--no-wait")
    begun = time.monotonic()
    served = []
    while not trial.is_idle() and time.monotonic() - begun < 600:
        served.append(trial.get("hello")[0])
        time.sleep(1)
    took = time.monotonic() - begun
    release = trial.ask("GET", "/apps/hello/releases/2")[1]
    hang.unlink()

    assert served[-1] == 200, stages.last_words(trial.stage)
    assert served == [200] * len(served), stages.last_words(trial.stage)
    assert took < ASKED * 2 + patience.SECONDS + 60
    assert release["status"] == "failed"
    assert "podman did not answer within" in release["failure"]["what"] + release["failure"]["why"]
    assert trial.pvdify("deploy", "hello", "--image", trial.stage.image("v2")).returncode == 0
