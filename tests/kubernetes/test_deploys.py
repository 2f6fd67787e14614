"""Deploys on a real cluster: the command line, pvdifyd, the router and visitors are what they are on one machine."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kubernetes.trial import ClusterTrial
from tests.load import Load
from tests.support.cluster import Cluster
from tests.support.waiting import wait_until
from tools.demo.stage import BASE_DOMAIN

pytestmark = pytest.mark.kubernetes
SWAPS = 4


@pytest.fixture(scope="module")
def trial(shared_cluster: Cluster) -> Iterator[ClusterTrial]:
    with shared_cluster.inside(), ClusterTrial(shared_cluster) as trial:
        trial.start()
        yield trial


@pytest.fixture(scope="module")
def images(shared_cluster: Cluster) -> dict[str, str]:
    return {version: shared_cluster.push_sample(version) for version in ("v1", "v2")}


@pytest.fixture(autouse=True)
def _in_the_outside_network(cluster: Cluster) -> None:
    pass


def manifest(tmp_path: Path, content: str) -> str:
    file = tmp_path / "pvdify.yml"
    file.write_text(content)
    return str(file)


def test_the_first_deploy_serves(trial: ClusterTrial, images: dict[str, str]):
    done = trial.pvdify("deploy", "hello", "--image", images["v1"])

    assert [line.split()[0] for line in done.stderr.splitlines()[1:]] == ["pull", "start", "health", "switch"]
    assert done.stdout.startswith("v1 is live at http://hello.demo.localhost")
    assert trial.get("hello")[:2] == (200, "v1")


async def test_no_request_fails_over_deploys_and_a_rollback(trial: ClusterTrial, images: dict[str, str]):
    async with Load(trial.stage.router, f"hello.{BASE_DOMAIN}", clients=8, websockets=0, pause=0.04) as load:
        for number in range(SWAPS):
            version = "v2" if number % 2 == 0 else "v1"
            await asyncio.to_thread(trial.pvdify, "deploy", "hello", "--image", images[version])
            await asyncio.sleep(0.3)
        await asyncio.to_thread(trial.pvdify, "rollback", "hello")
        report = await load.stop()

    assert report.failures == [], report.summary()
    assert trial.get("hello")[1] == "v2"


def test_logs_and_commands_are_those_of_the_app(trial: ClusterTrial):
    logs = trial.pvdify("logs", "hello")
    assert logs.stdout

    done = trial.pvdify("run", "hello", "--", "/bin/sh", "-c", "echo said; exit 7", check=False)

    assert (done.stdout, done.returncode) == ("said\n", 7)


def test_ps_names_what_runs_and_where_the_router_reaches_it(trial: ClusterTrial):
    (process,) = json.loads(trial.pvdify("ps", "hello", "--json").stdout)["processes"]

    assert process["instances"]
    assert all(each["host"].startswith("10.211.") for each in process["instances"])


@pytest.mark.parametrize(
    ("config", "content", "exit_code", "why"),
    [
        ("START_EXIT=3", "healthcheck: {interval: 1s, retries: 60}", 7, "exited with code 3"),
        ("BIND=127.0.0.1", "", 7, "it listens only on 127.0.0.1"),
        ("LISTEN_PORT=9999", "", 7, "it listens on port 9999, not on"),
        ("HEALTH_STATUS=503", "", 7, "it answered 503"),
        ("X=1", 'hooks: {pre_deploy: ["echo migrating; exit 9"]}', 8, "its last lines: migrating"),
        ("X=1", "processes: {web: {command: [/no/such/program]}}", 1, "/no/such/program"),
        pytest.param("X=1", "resources: {memory: 900G}", 1, "Insufficient memory", marks=pytest.mark.long),  # 30 s
    ],
)
def test_a_failed_deploy_names_its_cause_and_changes_nothing(
    trial: ClusterTrial, tmp_path: Path, images: dict[str, str], config: str, content: str, exit_code: int, why: str
):
    before = trial.get("hello")[1]
    trial.pvdify("config:set", "hello", config)
    file = manifest(tmp_path, content or "healthcheck: {interval: 500ms, retries: 10, timeout: 1s}")

    done = trial.pvdify("deploy", "hello", "--image", images["v1"], "--manifest", file, check=False)
    trial.pvdify("config:unset", "hello", config.partition("=")[0])

    assert (done.returncode, why in done.stderr) == (exit_code, True), done.stderr
    assert trial.get("hello")[1] == before


def test_a_destroyed_app_leaves_nothing(trial: ClusterTrial):
    trial.pvdify("apps:destroy", "hello", "--confirm", "hello")

    wait_until(lambda: trial.namespaces() == [])
