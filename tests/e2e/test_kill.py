"""SIGKILL of the real daemon throughout a deploy under load, and of the router."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Iterator

import pytest

from tests.e2e.kills import MOMENTS, RECOVERS_WITHIN, deploy_and_kill, recover
from tests.e2e.trial import Trial
from tests.load import Load
from tests.support.waiting import wait_until
from tools.demo.stage import BASE_DOMAIN

TRIED = MOMENTS if os.environ.get("PVDIFY_TEST_EVERY_MOMENT") else MOMENTS[::2]


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    manifest = tmp_path_factory.mktemp("app") / "pvdify.yml"
    manifest.write_text("drain: 10m\n", encoding="utf-8")  # at its end WebSockets are cut off
    with Trial("--standby", "2s") as trial:
        trial.push("v1")
        trial.push("v2")
        trial.start()
        trial.pvdify("deploy", "hello", "--image", trial.stage.image("v1"), "--manifest", str(manifest))
        trial.stop()
        yield trial


async def test_kills_throughout_a_deploy_fail_no_request_and_the_deploy_recovers(trial: Trial):
    deaths = 0

    async with Load(trial.stage.router, f"hello.{BASE_DOMAIN}", clients=8, websockets=1, pause=0.04) as load:
        for number, moment in enumerate(TRIED):
            image = trial.stage.image("v2" if number % 2 == 0 else "v1")
            deaths += await asyncio.to_thread(deploy_and_kill, trial, image, moment)
            await asyncio.to_thread(recover, trial, moment)
        report = await load.stop()

    assert report.failures == [], report.summary()
    assert report.requests > 1000
    assert deaths >= len(TRIED) - 2


def test_after_the_kills_nothing_is_left_over(trial: Trial):
    trial.start()
    wait_until(lambda: len(trial.containers()) <= 1)

    live = trial.ask("GET", "/apps/hello/processes")[1]["processes"][0]["instances"]

    assert list(trial.containers()) == [instance["name"] for instance in live]
    assert trial.pvdify("deploy", "hello", "--image", trial.stage.image("v1")).returncode == 0
    trial.stop()


async def test_a_killed_router_is_restarted_with_its_routes(trial: Trial):
    trial.start()
    wanted, pid = trial.get("hello")[1], trial.router_pid()

    os.kill(pid, signal.SIGKILL)
    begun = time.monotonic()
    while True:
        with contextlib.suppress(OSError):
            status, version, _ = trial.get("hello")
            break
        assert time.monotonic() - begun < RECOVERS_WITHIN  # measured on a quiet machine: 24 ms
        await asyncio.sleep(0.005)

    assert (status, version) == (200, wanted)
    assert trial.router_pid() != pid
    trial.stop()
