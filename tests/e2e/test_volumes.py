"""An app with an SQLite file on a volume on real podman: no failed request, no row lost or doubled."""

import json
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.e2e.rounds import FEW, LONGEST_RUN, MANY, describe, operate
from tests.e2e.trial import Trial
from tests.load import Load, Shape
from tests.load.connection import Answer
from tests.support.waiting import wait_until
from tools.demo.stage import BASE_DOMAIN

MANIFEST = """
port: 8080
processes: {web: {command: [python3, /app/app.py]}}
resources: {memory: 128M}
volumes: {data: {path: /data}}
drain: 5s
"""


def is_row(body: bytes, answer: Answer) -> bool:
    return json.loads(answer.body)["rows"] > 0


INSERT = Shape(name="row", method="POST", path="/rows", body_size=64, is_right=is_row)


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    manifest = tmp_path_factory.mktemp("app") / "pvdify.yml"
    manifest.write_text(MANIFEST, encoding="utf-8")
    with Trial() as trial:
        trial.push("v1")
        trial.push("v2")
        trial.start()
        trial.pvdify("deploy", "hello", "--image", trial.stage.image("v1"), "--manifest", str(manifest))
        yield trial


def rows(trial: Trial) -> dict[str, object]:
    return json.loads(trial.get("hello", "/rows")[2])


def own_stop_and_start(trial: Trial) -> tuple[float, float]:
    """How many seconds the app itself takes to stop, and to start until it answers, without pvdify."""
    name, port = "pvdify-test-own-time", trial.stage.first_instance_port + 90
    image = next(iter(trial.images("hello")))
    run = ("podman", "run", "--detach", "--name", name, "--publish", f"127.0.0.1:{port}:8080", image)
    try:
        begun = time.monotonic()
        subprocess.run((*run, "python3", "/app/app.py"), check=True, capture_output=True)
        wait_until(lambda: is_open(port), "the app does not start without pvdify")
        started = time.monotonic()
        subprocess.run(("podman", "stop", name), check=True, capture_output=True)
        return time.monotonic() - started, started - begun
    finally:
        subprocess.run(("podman", "rm", "--force", "--time", "0", name), check=False, capture_output=True)


def is_open(port: int) -> bool:
    with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
        return bool(answer.status == 200)
    return False


@pytest.mark.parametrize("count", [FEW, pytest.param(MANY, marks=[pytest.mark.long, pytest.mark.timeout(LONGEST_RUN)])])
async def test_no_request_fails_and_no_row_is_lost_over_deploys_rollbacks_restarts_and_kills(
    trial: Trial, count: int
):  # fmt: skip
    def deploy(*options: str) -> None:
        trial.pvdify("deploy", "hello", "--image", trial.stage.image("v2"), *options)

    before = rows(trial)["rows"]
    async with Load(trial.stage.router, f"hello.{BASE_DOMAIN}", clients=8, pause=0.05, mix=(INSERT,)) as visitors:
        windows = await operate(trial, "hello", deploy, count)
        report = await visitors.stop()

    after, (stop, start) = rows(trial), own_stop_and_start(trial)
    print(f"{describe(windows, report)}\n  the app alone: {stop:.2f} s to stop, {start:.2f} s to start")
    assert report.failures == [], report.summary()
    assert after == {"rows": before + report.requests, "integrity": "ok"}


def test_a_failing_release_leaves_the_data_and_the_old_release(trial: Trial):
    before = rows(trial)
    trial.pvdify("config:set", "hello", "START_EXIT=3")

    done = trial.pvdify("deploy", "hello", check=False)
    trial.pvdify("config:unset", "hello", "START_EXIT")

    assert done.returncode == 7
    assert rows(trial) == before


def test_the_volume_is_listed_with_its_size(trial: Trial):
    (volume,) = trial.ask("GET", "/apps/hello/volumes")[1]["volumes"]

    assert (volume["name"], volume["path"], volume["state"]) == ("data", "/data", "used")
    assert volume["size"] > 4096


def test_destroying_the_app_leaves_the_volume_in_the_trash_and_a_purge_leaves_nothing(trial: Trial):
    trial.pvdify("apps:destroy", "hello", "--confirm", "hello")
    while trial.ask("GET", "/apps/hello")[0] != 404:
        time.sleep(0.1)
    trial.pvdify("apps:create", "hello")

    (volume,) = trial.ask("GET", "/apps/hello/volumes")[1]["volumes"]
    trial.pvdify("volumes:destroy", "hello", "data", "--purge")

    assert volume["state"] == "trash"
    assert trial.ask("GET", "/apps/hello/volumes")[1]["volumes"] == []
