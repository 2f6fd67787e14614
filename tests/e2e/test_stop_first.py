"""Where memory is for one release only, on the real thing: an honest gap, and whoever served before is back."""

import asyncio
import time
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from tests.e2e.trial import Trial
from tests.load import Load, Reason, Report
from tools.demo.stage import BASE_DOMAIN

STOP_FIRST = ("--strategy", "stop-first")


@pytest.fixture(scope="module")
def trial() -> Iterator[Trial]:
    with Trial() as trial:
        trial.push("v1")
        trial.push("v2")
        trial.start()
        trial.pvdify("deploy", "hello", "--image", trial.stage.image("v1"))
        yield trial


def load(trial: Trial) -> Load:
    return Load(trial.stage.router, f"hello.{BASE_DOMAIN}", clients=8, pause=0.01)


def assert_only_turned_away(report: Report) -> None:
    """Nobody was cut off or got a wrong answer: who came too early was told so."""
    assert {(failure.reason, failure.detail) for failure in report.failures} <= {(Reason.STATUS, "503")}, (
        report.summary()
    )


async def test_visitors_are_turned_away_and_nobody_is_cut_off(trial: Trial):
    before = set(trial.containers())
    async with load(trial) as visitors:
        done = await asyncio.to_thread(trial.pvdify, "deploy", "hello", "--image", trial.stage.image("v2"), *STOP_FIRST)
        returned = time.monotonic()
        await asyncio.sleep(0.5)
        report = await visitors.stop()

    assert "v1 stopped; visitors are turned away (503)" in done.stderr
    assert "; visitors were turned away for " in done.stdout
    assert_only_turned_away(report)
    assert report.failures
    assert [failure for failure in report.failures if failure.started > returned] == []
    assert set(report.by_version) == {"v1", "v2"}
    receipt = trial.ask("GET", "/apps/hello/releases/2")[1]["receipt"]
    assert receipt["downtime"] > 0
    assert not before & {name for name, state in trial.containers().items() if state == "running"}


async def test_the_old_release_is_back_when_the_new_one_fails(trial: Trial):
    live = trial.get("hello")[1]
    trial.pvdify("config:set", "hello", "START_EXIT=3")
    async with load(trial) as visitors:
        done = await asyncio.to_thread(trial.pvdify, "deploy", "hello", *STOP_FIRST, check=False)
        returned = time.monotonic()
        await asyncio.sleep(0.5)
        report = await visitors.stop()
    trial.pvdify("config:unset", "hello", "START_EXIT")

    assert done.returncode == 7
    assert f"{live} is started again; until it serves, visitors are asked to come back." in done.stderr
    assert_only_turned_away(report)
    assert [failure for failure in report.failures if failure.started > returned] == []
    assert trial.get("hello")[:2] == (200, live)


def test_killed_in_the_gap_it_goes_on_by_itself(trial: Trial):
    trial.pvdify("deploy", "hello", "--image", trial.stage.image("v1"), *STOP_FIRST, "--no-wait")
    while trial.get("hello")[0] != 503:
        time.sleep(0.01)

    trial.kill()
    request = urllib.request.Request(f"http://{trial.stage.router}/", headers={"Host": f"hello.{BASE_DOMAIN}"})
    with pytest.raises(urllib.error.HTTPError) as during:
        urllib.request.urlopen(request, timeout=10)
    during.value.close()
    trial.start()
    release = trial.settle("hello")

    assert (during.value.code, during.value.headers["Retry-After"]) == (503, "5")
    assert release["status"] == "active", release
    assert trial.get("hello")[:2] == (200, "v1")
    assert trial.ask("GET", f"/apps/hello/releases/{release['version']}")[1]["receipt"]["downtime"] > 0
    assert [state for state in trial.containers().values() if state == "running"] == ["running"]
