"""A job each minute for a real hour, through deploys, rollbacks and killed daemons: each due time once, or reported.

``PVDIFY_TEST_JOB_MINUTES`` sets another length.
"""

import json
import os
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.e2e.trial import Trial
from tests.support.waiting import wait_until

MINUTES = int(os.environ.get("PVDIFY_TEST_JOB_MINUTES", "60"))
MINUTE = timedelta(minutes=1)
REPORTED_WITHIN = timedelta(seconds=60)
AWAY = 130  # seconds that pvdifyd is not there, which is longer than `catch_up`
MANIFEST = """\
volumes: {data: {path: /data, shared: true}}
jobs:
  tick:
    schedule: "* * * * *"
    command: echo $PVDIFY_RUN $PVDIFY_DUE_AT >> /data/ticks; sleep 3
    catch_up: 1m
"""


@pytest.fixture
def trial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    file = tmp_path_factory.mktemp("jobs") / "pvdify.yml"
    file.write_text(MANIFEST)
    with Trial("--standby", "1s") as trial:
        trial.push("v1")
        trial.start()
        trial.pvdify("deploy", "clock", "--image", trial.stage.image("v1"), "--manifest", str(file))
        yield trial


def disturb(trial: Trial, number: int) -> None:
    """Deploy, roll back, or kill pvdifyd: at once again, or away for longer than a run may be late."""
    kind = number % 5
    if kind in (0, 3):
        trial.pvdify("deploy", "clock", "--image", trial.stage.image("v1"))
    elif kind == 1:
        trial.kill()
        trial.start()
    elif kind == 2:
        trial.pvdify("rollback", "clock")
    else:
        trial.kill()
        time.sleep(AWAY)
        trial.start()


def history(trial: Trial) -> list[dict[str, Any]]:
    """Every run and every due time that did not run, the oldest first."""
    shown: list[dict[str, Any]] = json.loads(trial.pvdify("jobs:history", "clock", "-n", "200", "--json").stdout)[
        "runs"
    ]
    return sorted(shown, key=lambda run: run["number"])


def due_times(run: dict[str, Any]) -> list[datetime]:
    """The due times that an entry stands for: several that were missed for one cause are one entry."""
    first = datetime.fromisoformat(run["due_at"])
    return [first + MINUTE * each for each in range(run["due_count"])]


@pytest.mark.long
@pytest.mark.timeout(MINUTES * 60 + 1800)
def test_each_due_time_of_an_hour_runs_once_or_is_reported(trial: Trial):
    begun, number = datetime.now(UTC), 0
    while datetime.now(UTC) < begun + MINUTES * MINUTE:
        disturb(trial, number)
        number += 1
        time.sleep(37)  # another second of the minute each time
    wait_until(lambda: all(run["state"] not in ("due", "running") for run in history(trial)), "a run does not end")
    ended = datetime.now(UTC)

    runs = history(trial)
    accounted = Counter(due for run in runs for due in due_times(run))
    first = begun.replace(second=0, microsecond=0) + MINUTE
    expected = {first + MINUTE * each for each in range(int((ended - REPORTED_WITHIN - first) / MINUTE) + 1)}
    ticks = trial.pvdify("run", "clock", "--", "cat", "/data/ticks").stdout.splitlines()
    states = Counter(run["state"] for run in runs)
    print(f"{MINUTES} minutes, {number} disturbances, {len(expected)} due times: {dict(states)}")
    assert expected - accounted.keys() == set()
    assert [due for due, count in accounted.items() if count > 1] == []
    assert Counter(line.split()[0] for line in ticks) == Counter(
        str(run["number"]) for run in runs if run["state"] in ("succeeded", "interrupted")
    )
    assert len({line.split()[1] for line in ticks}) == len(ticks)
    assert all(run["cause"] for run in runs if run["state"] != "succeeded")
    assert states["succeeded"] >= MINUTES / 2
