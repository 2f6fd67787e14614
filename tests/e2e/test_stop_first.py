"""Stop-first deploys on real podman: requests are held, and the old release is restored after a failure."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.e2e.trial import Trial
from tests.load import Load
from tools.demo.stage import BASE_DOMAIN

STOP_FIRST = ("--strategy", "stop-first")


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    manifest = tmp_path_factory.mktemp("app") / "pvdify.yml"
    with Trial() as trial:
        trial.push("v1")
        trial.push("v2")
        trial.start()
        manifest.write_text("hold: 5m\n", encoding="utf-8")  # longer than a busy machine takes
        trial.pvdify("deploy", "hello", "--image", trial.stage.image("v1"), "--manifest", str(manifest))
        yield trial


def load(trial: Trial) -> Load:
    return Load(trial.stage.router, f"hello.{BASE_DOMAIN}", clients=8, pause=0.04)


async def test_requests_are_held_and_none_fails(trial: Trial):
    before = set(trial.containers())
    async with load(trial) as visitors:
        done = await asyncio.to_thread(trial.pvdify, "deploy", "hello", "--image", trial.stage.image("v2"), *STOP_FIRST)
        await asyncio.sleep(0.5)
        report = await visitors.stop()

    assert "v1 stopped; requests wait, at most 300 s" in done.stderr
    assert "; requests waited up to " in done.stdout
    assert report.failures == [], report.summary()
    assert set(report.by_version) == {"v1", "v2"}
    receipt = trial.ask("GET", "/apps/hello/releases/2")[1]["receipt"]
    assert receipt["held"] > 0
    assert receipt["downtime"] is None
    assert not before & {name for name, state in trial.containers().items() if state == "running"}


async def test_the_old_release_is_restored_if_the_new_one_fails(trial: Trial):
    live = trial.get("hello")[1]
    trial.pvdify("config:set", "hello", "START_EXIT=3")
    async with load(trial) as visitors:
        done = await asyncio.to_thread(trial.pvdify, "deploy", "hello", *STOP_FIRST, check=False)
        await asyncio.sleep(0.5)
        report = await visitors.stop()
    trial.pvdify("config:unset", "hello", "START_EXIT")

    assert done.returncode == 7
    assert f"{live} is started again; until it serves, requests wait." in done.stderr
    assert report.failures == [], report.summary()
    assert trial.get("hello")[:2] == (200, live)


async def test_a_deploy_killed_during_the_gap_is_completed(trial: Trial):
    trial.pvdify("deploy", "hello", "--image", trial.stage.image("v1"), *STOP_FIRST, "--no-wait")
    while True:  # the router's file says so a moment before the router does
        waiting = asyncio.create_task(asyncio.to_thread(trial.get, "hello", timeout=200))
        done, _ = await asyncio.wait({waiting}, timeout=0.3)
        if trial.is_held("hello") and not done:
            break

    trial.kill()
    done, _ = await asyncio.wait({waiting}, timeout=1.0)
    await asyncio.to_thread(trial.start)
    release = await asyncio.to_thread(trial.settle, "hello")

    assert done == set(), [task.result() for task in done]
    assert (await waiting)[:2] == (200, "v1")
    assert release["status"] == "active", release
    assert trial.ask("GET", f"/apps/hello/releases/{release['version']}")[1]["receipt"]["held"] > 0
    assert [state for state in trial.containers().values() if state == "running"] == ["running"]
