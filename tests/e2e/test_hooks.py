"""Hooks in real containers: how often they run, their time limit, and their messages."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.trial import Trial

ONCE = "read id < /proc/sys/kernel/random/uuid; echo ran $id"  # it prints another text at each run


@pytest.fixture(scope="module")
def trial() -> Iterator[Trial]:
    with Trial("--standby", "1s") as trial:
        trial.push("v1")
        trial.push("broken", "START_EXIT=3")
        trial.start()
        trial.pvdify("deploy", "hello", "--image", trial.stage.image("v1"))
        yield trial


def manifest(directory: Path, content: str) -> str:
    file = directory / "pvdify.yml"
    file.write_text(content)
    return str(file)


def deploy_log(trial: Trial, version: int) -> str:
    return trial.pvdify("logs", "hello", "--release", str(version), "--deploy").stdout


def hook_containers(trial: Trial) -> list[str]:
    return [name for name in trial.containers() if "_deploy" in name or "on_failure" in name]


def test_a_hook_runs_once_although_the_server_is_killed_in_it(trial: Trial, tmp_path: Path):
    file = manifest(tmp_path, f'hooks: {{pre_deploy: ["{ONCE}; sleep 2; echo finished"], post_deploy: ["{ONCE}"]}}')
    trial.pvdify("deploy", "hello", "--manifest", file, "--no-wait")
    while not hook_containers(trial):
        time.sleep(0.05)
    time.sleep(0.5)

    trial.kill()
    trial.start()
    release = trial.settle("hello")

    assert release["status"] == "active", release
    log = deploy_log(trial, release["version"])
    assert log.count("| ran ") == 2, log
    assert log.count("| finished") == 1, log
    assert hook_containers(trial) == []


def test_a_hook_that_takes_too_long_is_killed_and_the_failure_is_reported(trial: Trial, tmp_path: Path):
    before = trial.get("hello")[2]
    script = "echo $PVDIFY_FAILURE in $PVDIFY_FAILED_STEP"
    file = manifest(
        tmp_path, f'hooks: {{pre_deploy: ["echo waiting; sleep 99"], on_failure: ["{script}"], timeout: 1s}}'
    )
    begun = time.monotonic()

    done = trial.pvdify("deploy", "hello", "--manifest", file, check=False)

    assert done.returncode == 8, done.stderr
    assert "did not end within 1 s" in done.stderr
    assert "its last lines: waiting" in done.stderr
    assert "    | hook-failed in pre_deploy\n" in done.stderr
    assert time.monotonic() - begun < 60
    assert trial.get("hello")[2] == before
    assert hook_containers(trial) == []


def test_the_failure_of_an_image_that_does_not_start_is_reported_in_that_image(trial: Trial, tmp_path: Path):
    file = manifest(tmp_path, 'hooks: {on_failure: ["echo $PVDIFY_FAILURE in $PVDIFY_FAILED_STEP of $VERSION"]}')

    done = trial.pvdify("deploy", "hello", "--image", trial.stage.image("broken"), "--manifest", file, check=False)

    assert done.returncode == 7, done.stderr
    assert "    | probe-failed in health of broken\n" in done.stderr
    assert hook_containers(trial) == []


def test_a_failing_post_deploy_is_reported_and_the_release_is_live(trial: Trial, tmp_path: Path):
    file = manifest(tmp_path, 'hooks: {post_deploy: ["echo no cache; exit 3"]}')

    done = trial.pvdify("deploy", "hello", "--manifest", file, check=False)

    assert done.returncode == 8, done.stderr
    assert "exited with code 3" in done.stderr
    assert "no cache" in done.stderr
    assert "is live and stays live" in done.stderr
    assert "active (hook-failed)" in trial.pvdify("releases", "hello").stdout


def test_all_output_of_a_verbose_hook_is_logged_without_slowing_it_down(trial: Trial, tmp_path: Path):
    talk = "i=0; while [ $i -lt 30000 ]; do echo CREATE INDEX i_$i ON things; i=$((i+1)); done"
    file = manifest(tmp_path, f"hooks: {{timeout: 60s, pre_deploy: ['{talk}']}}")

    done = trial.pvdify("deploy", "hello", "--manifest", file)

    shown = [line for line in done.stderr.splitlines() if "CREATE INDEX" in line and "pre_deploy" not in line]
    assert [line.split("i_")[1] for line in shown] == [f"{number} ON things" for number in range(30_000)]


def test_the_middle_of_very_long_output_is_left_out(trial: Trial, tmp_path: Path):
    file = manifest(tmp_path, """hooks: {pre_deploy: ["yes $(printf %090d 1) | head -n 500000; printf 'the end'"]}""")

    done = trial.pvdify("deploy", "hello", "--manifest", file)

    assert "MB of output left out" in done.stderr
    assert "| the end" in done.stderr
    assert len(done.stderr) < 12_000_000


def test_a_hook_that_fails_in_the_middle_of_a_line_is_quoted(trial: Trial, tmp_path: Path):
    file = manifest(tmp_path, """hooks: {pre_deploy: ["printf 'migration 7 failed'; exit 4"]}""")

    done = trial.pvdify("deploy", "hello", "--manifest", file, check=False)

    assert done.returncode == 8
    assert "its last lines: migration 7 failed" in done.stderr
