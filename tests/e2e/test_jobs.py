"""Scheduled jobs in real containers: once for each due time, with output and cause, also when the server is killed."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pvdify.settings import SYSTEMD_IS_HERE
from tests.e2e.test_lost_database import remove_units
from tests.e2e.trial import Trial
from tests.support.waiting import wait_until

MANIFEST = """\
volumes: {data: {path: /data, shared: true}}
jobs:
  report: {schedule: "0 3 1 1 *", time_zone: Europe/Berlin, command: "echo run $PVDIFY_RUN >> /data/runs; echo made it"}
  slow: {schedule: "0 3 1 1 *", command: "echo began >> /data/slow; echo began; sleep 4; echo ended"}
  bad: {schedule: "0 3 1 1 *", command: "echo oh no; exit 3"}
  endless: {schedule: "0 3 1 1 *", command: "sleep 600", timeout: 1s}
  greedy: {schedule: "0 3 1 1 *", command: "tail /dev/zero", resources: {memory: 16M}}
"""


@pytest.fixture(scope="module", params=["podman", "systemd"])
def trial(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    if request.param == "systemd" and not SYSTEMD_IS_HERE.is_dir():
        pytest.skip("systemd is not process 1 here")
    file = tmp_path_factory.mktemp("jobs") / "pvdify.yml"
    file.write_text(MANIFEST)
    with Trial("--standby", "1s", "--runtime", request.param) as trial:
        trial.push("v1")
        trial.start()
        trial.pvdify("deploy", "hello", "--image", trial.stage.image("v1"), "--manifest", str(file))
        yield trial
        trial.stop()
        remove_units(trial)


def runs(trial: Trial, job: str) -> list[dict[str, Any]]:
    found = json.loads(trial.pvdify("jobs:history", "hello", "--job", job, "--json").stdout)["runs"]
    return sorted(found, key=lambda run: run["number"])


def job_containers(trial: Trial) -> list[str]:
    return [name for name in trial.containers() if "-job-" in name]


def test_a_job_runs_with_the_volumes_and_its_output_stays(trial: Trial):
    done = trial.pvdify("jobs:run", "hello", "report")

    logs = trial.pvdify("logs", "hello", "--job", "report", "--run", "1").stdout
    written = trial.pvdify("run", "hello", "--", "cat", "/data/runs").stdout
    listed = json.loads(trial.pvdify("jobs", "hello", "--json").stdout)["jobs"]

    assert "report.1 v1 | made it" in done.stdout
    assert logs == done.stdout
    assert written == "run 1\n"
    assert job_containers(trial) == []
    assert {job["name"]: (job["last"] or {}).get("state") for job in listed}["report"] == "succeeded"


@pytest.mark.parametrize(
    ("job", "code", "cause"),
    [
        ("bad", 3, "exited with code 3"),
        ("endless", None, "did not end within 1s (`timeout`) and was stopped"),
        ("greedy", 137, "was killed: it used more memory than its limit"),
    ],
)
def test_a_failed_job_reports_its_cause(trial: Trial, job: str, code: int | None, cause: str):
    done = trial.pvdify("jobs:run", "hello", job, check=False)

    (run,) = runs(trial, job)
    assert (done.returncode, run["state"], run["cause"]) == (1, "failed", cause)
    assert code in (None, run["exit_code"])
    assert run["is_out_of_memory"] is (job == "greedy")
    assert job_containers(trial) == []


def test_a_run_is_not_repeated_although_the_server_is_killed_in_it(trial: Trial):
    trial.pvdify("jobs:run", "hello", "slow", "--no-wait")
    wait_until(lambda: bool(job_containers(trial)), "the job was not started")

    trial.kill()
    trial.start()
    wait_until(lambda: runs(trial, "slow")[0]["state"] == "succeeded", "the job did not end")

    assert trial.pvdify("run", "hello", "--", "cat", "/data/slow").stdout == "began\n"
    lines = trial.pvdify("logs", "hello", "--job", "slow").stdout
    assert (lines.count("| began"), lines.count("| ended")) == (1, 1)
    assert job_containers(trial) == []


def test_a_due_time_runs_the_job_of_the_live_release(trial: Trial, tmp_path: Path):
    file = tmp_path / "pvdify.yml"
    file.write_text('jobs: {tick: {schedule: "* * * * *", command: "echo tick in v$PVDIFY_RELEASE"}}')
    trial.pvdify("deploy", "clock", "--image", trial.stage.image("v1"), "--manifest", str(file))

    def ended() -> list[dict[str, Any]]:
        found = json.loads(trial.pvdify("jobs:history", "clock", "--json").stdout)["runs"]
        return [run for run in found if run["state"] == "succeeded"]

    wait_until(lambda: bool(ended()), "no run succeeded")

    run = ended()[-1]
    assert run["due_at"].endswith(":00Z")
    assert run["created_by"] == "pvdify"
    assert "| tick in v1" in trial.pvdify("logs", "clock", "--job", "tick", "--run", str(run["number"])).stdout
