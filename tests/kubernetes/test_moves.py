"""Apps move from podman to a real cluster and back while visitors come; both sides are in the outside network."""

import asyncio
import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from tests.kubernetes.trial import ClusterTrial
from tests.load import Load
from tests.support.cluster import Cluster
from tests.support.images import missing_for_podman
from tests.support.own_podman import own_podman
from tests.support.waiting import wait_until
from tools.demo import stage as stages
from tools.demo.stage import BASE_DOMAIN

pytestmark = [
    pytest.mark.kubernetes, pytest.mark.podman,
    pytest.mark.skipif(missing_for_podman() is not None, reason=str(missing_for_podman())),
]  # fmt: skip
SHOP = "app: shop\nprocesses: {web: {count: 2}, worker: {command: [python3, /app/app.py, worker]}}\n"
NOTES = "app: notes\nprocesses: {web: {command: [python3, /app/app.py]}}\nvolumes: {data: {path: /data}}\n"


@pytest.fixture(scope="module")
def images(shared_cluster: Cluster) -> dict[str, str]:
    return {version: shared_cluster.push_sample(version, "moving", tag=version) for version in ("v1", "v2")}


@pytest.fixture(scope="module")
def trial(
    shared_cluster: Cluster, images: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ClusterTrial]:
    folder = tmp_path_factory.mktemp("manifests")
    with own_podman(), shared_cluster.inside(), ClusterTrial(shared_cluster, runtime="podman") as trial:
        trial.start()
        try:
            for app, content in (("shop", SHOP), ("notes", NOTES)):
                file = folder / f"{app}.yml"
                file.write_text(content)
                trial.pvdify("deploy", app, "--image", images["v1"], "--manifest", str(file))
            yield trial
        finally:
            trial.stop()
            stages.clean_up(trial.stage)


@pytest.fixture(autouse=True)
def _in_the_outside_network(cluster: Cluster) -> None:
    pass


def runtimes(trial: ClusterTrial) -> dict[str, str]:
    found = json.loads(trial.pvdify("server", "runtime", "--json").stdout)
    return {it["app"]: it["runtime"] for it in found["apps"]}


def hosts(trial: ClusterTrial, app: str) -> set[str]:
    """Where the router reaches the app's instances: this machine, or the cluster."""
    processes = json.loads(trial.pvdify("ps", app, "--json").stdout)["processes"]
    found = [it["host"] for process in processes if process["name"] == "web" for it in process["instances"]]
    return {"cluster" if host.startswith("10.211.") else "machine" for host in found}


def deployments(trial: ClusterTrial) -> list[dict[str, Any]]:
    """What this server runs in the cluster."""
    listed = json.loads(trial.cluster.kubectl("get", "deployments", "--all-namespaces", "--output=json"))["items"]
    return [it for it in listed if it["metadata"]["namespace"].startswith(trial.prefix)]


async def moved(trial: ClusterTrial, runtime: str) -> subprocess.CompletedProcess[str]:
    """Move the apps under load, without a failed request."""
    async with Load(trial.stage.router, f"shop.{BASE_DOMAIN}", clients=16, websockets=0, pause=0.01) as load:
        done = await asyncio.to_thread(trial.pvdify, "server", "runtime", runtime, check=False)
        await asyncio.sleep(0.5)
        report = await load.stop()
    assert report.failures == [], report.summary()
    assert report.requests > 200
    print(f"{runtime}: {report.summary()}")
    return done


def test_the_plan_says_what_moves_and_what_stays(trial: ClusterTrial):
    done = trial.pvdify("server", "runtime", "kubernetes", "--plan", "--json")

    planned = json.loads(done.stdout)
    states = {it["app"]: (it["state"], it["problem"]) for it in planned["apps"]}
    assert (planned["target"], planned["obstacle"]) == ("kubernetes", "")
    assert states["shop"] == ("to move", "")
    assert states["notes"][0] == "stays"
    assert "volume data" in states["notes"][1]
    assert trial.namespaces() == []


async def test_an_app_moves_to_the_cluster_without_a_failed_request(trial: ClusterTrial):
    done = await moved(trial, "kubernetes")

    assert (done.returncode, "shop runs on kubernetes" in done.stderr) == (1, True), done.stderr  # notes stays
    assert runtimes(trial) == {"shop": "kubernetes", "notes": "podman"}
    assert (hosts(trial, "shop"), hosts(trial, "notes")) == ({"cluster"}, {"machine"})
    assert len(deployments(trial)) == 3
    assert not [name for name in set(trial.containers()) - set(trial.deployments()) if "-shop-" in name]


async def test_deploys_and_a_killed_pvdifyd_leave_each_app_on_its_side(
    trial: ClusterTrial, images: dict[str, str]
) -> None:
    trial.kill()
    assert trial.get("shop")[1] == trial.get("notes")[1] == "v1"
    trial.start()

    trial.pvdify("deploy", "notes", "--image", images["v2"])
    trial.pvdify("deploy", "shop", "--image", images["v2"])
    logs = trial.pvdify("logs", "shop", "-n", "1000").stdout

    assert runtimes(trial) == {"shop": "kubernetes", "notes": "podman"}
    assert trial.get("shop")[1] == trial.get("notes")[1] == "v2"
    assert logs


def test_a_command_runs_where_its_app_runs(trial: ClusterTrial):
    said = {
        app: trial.pvdify("run", app, "--", "/bin/sh", "-c", "echo ${KUBERNETES_SERVICE_HOST:-machine}").stdout.strip()
        for app in ("shop", "notes")
    }

    assert said["notes"] == "machine"
    assert said["shop"] != "machine"


async def test_the_app_moves_back_without_a_failed_request(trial: ClusterTrial):
    done = await moved(trial, "podman")

    assert done.returncode == 0, done.stderr
    assert runtimes(trial) == {"shop": "podman", "notes": "podman"}
    assert hosts(trial, "shop") == {"machine"}
    wait_until(lambda: deployments(trial) == [])


def test_nothing_is_left_on_either_side_of_apps_that_were_destroyed(trial: ClusterTrial):
    for app in ("shop", "notes"):
        trial.pvdify("apps:destroy", app, "--confirm", app)

    wait_until(lambda: trial.namespaces() == [])
    wait_until(lambda: trial.containers() == {})
    assert trial.networks() == []
