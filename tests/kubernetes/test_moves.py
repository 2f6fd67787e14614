"""Apps move from podman to a real cluster and back while visitors come; both sides are in the outside network.

``shop`` has no volume, ``notes`` has one with an SQLite database. Acknowledged rows must be there after each move.
"""

import asyncio
import json
import subprocess
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from pvdify.adapters.kubernetes.names import HELPER
from tests.kubernetes.trial import ClusterTrial, podman
from tests.load import DEFAULT_MIX, Load, Report, Shape
from tests.support.cluster import Cluster
from tests.support.images import missing_for_podman
from tests.support.own_podman import own_podman
from tests.support.waiting import until, wait_until
from tools.demo import stage as stages
from tools.demo.stage import BASE_DOMAIN

pytestmark = [
    pytest.mark.kubernetes, pytest.mark.podman, pytest.mark.timeout(1800),
    pytest.mark.skipif(missing_for_podman() is not None, reason=str(missing_for_podman())),
]  # fmt: skip
SHOP = "app: shop\nprocesses: {web: {count: 2}, worker: {command: [python3, /app/app.py, worker]}}\n"
HOLD = 300  # seconds; the longest that there is
NOTES = (
    f"port: 8080\nhold: {HOLD}s\nprocesses: {{web: {{command: [python3, /app/app.py]}}}}\n"
    "volumes: {data: {path: /data}}\n"
)
INSERT = Shape(name="row", method="POST", path="/rows", body_size=64)
MIXES = {"shop": (DEFAULT_MIX, 8, 0.04), "notes": ((INSERT,), 4, 0.1)}  # with the number of clients and their pause


@pytest.fixture(scope="module")
def images(shared_cluster: Cluster) -> dict[str, str]:
    return {version: shared_cluster.push_sample(version, "moving", tag=version) for version in ("v1", "v2")}


@pytest.fixture(scope="module")
def no_image(shared_cluster: Cluster) -> str:
    """A helper image that no node can pull."""
    return f"{shared_cluster.registry}/helper:none"


@pytest.fixture(scope="module")
def helper(shared_cluster: Cluster) -> tuple[str, ...]:
    """The settings with which volumes can be copied."""
    return ("--kubernetes-helper-image", shared_cluster.push_image(content="helper"))


@pytest.fixture(scope="module")
def manifests(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("manifests")
    for app, content in (("shop", SHOP), ("notes", f"app: notes\n{NOTES}"), ("diary", f"app: diary\n{NOTES}")):
        (folder / f"{app}.yml").write_text(content)
    return folder


@pytest.fixture(scope="module")
def trial(
    shared_cluster: Cluster, images: dict[str, str], manifests: Path, no_image: str
) -> Iterator[ClusterTrial]:  # fmt: skip
    with own_podman(), shared_cluster.inside(), ClusterTrial(shared_cluster, runtime="podman") as trial:
        trial.start(settings=("--kubernetes-helper-image", no_image))
        try:
            for app in ("shop", "notes"):
                trial.pvdify("deploy", app, "--image", images["v1"], "--manifest", str(manifests / f"{app}.yml"))
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


def rows(trial: ClusterTrial, app: str) -> int:
    status, _, body = trial.get(app, "/rows", timeout=HOLD)
    assert (status, json.loads(body)["integrity"]) == (200, "ok"), body
    return int(json.loads(body)["rows"])


def insert(trial: ClusterTrial, app: str) -> tuple[int, str, str]:
    """Add a row to the app's database."""
    request = urllib.request.Request(
        f"http://{trial.stage.router}/rows", data=b"one more", headers={"Host": f"{app}.{BASE_DOMAIN}"}
    )
    with urllib.request.urlopen(request, timeout=HOLD) as answer:
        return answer.status, answer.headers.get("X-Version", ""), answer.read().decode()


def load(trial: ClusterTrial, app: str) -> Load:
    mix, clients, pause = MIXES[app]
    return Load(
        trial.stage.router, f"{app}.{BASE_DOMAIN}", clients=clients, websockets=0, pause=pause, mix=mix, timeout=HOLD
    )  # fmt: skip


async def moved(
    trial: ClusterTrial, runtime: str, *apps: str, disturb: Callable[[], Awaitable[None]] | None = None
) -> tuple[subprocess.CompletedProcess[str], list[Report]]:
    """Move the apps while these ones have visitors, without a failed request; ``disturb``: something that happens."""
    async with AsyncExitStack() as stack:
        loads = [await stack.enter_async_context(load(trial, app)) for app in apps]
        moving = asyncio.create_task(asyncio.to_thread(trial.pvdify, "server", "runtime", runtime, check=False))
        if disturb is not None:
            await disturb()
        done = await moving
        await until(lambda: asyncio.to_thread(is_settled, trial))
        await asyncio.sleep(0.5)
        reports = [await each.stop() for each in loads]
    for app, report in zip(apps, reports, strict=True):
        assert report.failures == [], f"{app}: {report.summary()}"
        assert report.requests > 10
        print(f"{app} to {runtime}: {report.summary()}")
    return done, reports


def is_settled(trial: ClusterTrial) -> bool:
    try:
        found = json.loads(trial.pvdify("server", "runtime", "--json").stdout)
    except AssertionError:  # pvdifyd is being restarted
        return False
    return found["move"] != "moving"


def helpers(trial: ClusterTrial) -> list[str]:
    listed = trial.cluster.kubectl("get", "pods", "--all-namespaces", f"--selector={HELPER}", "--output=name")
    return listed.split()


def volumes(trial: ClusterTrial, app: str) -> list[bool]:
    """Whether each volume of the app is in the trash."""
    found = json.loads(trial.pvdify("volumes", app, "--json").stdout)["volumes"]
    return sorted(it["deleted_at"] is not None for it in found)


def test_the_plan_says_what_moves_and_what_is_copied(trial: ClusterTrial):
    done = trial.pvdify("server", "runtime", "kubernetes", "--plan", "--json")
    said = trial.pvdify("server", "runtime", "kubernetes", "--plan").stdout

    planned = json.loads(done.stdout)
    apps = {it["app"]: it for it in planned["apps"]}
    assert (planned["target"], planned["obstacle"]) == ("kubernetes", "")
    assert {(it["state"], it["problem"]) for it in apps.values()} == {("to move", "")}
    assert (apps["shop"]["copied"], [it["name"] for it in apps["notes"]["copied"]]) == ([], ["data"])
    assert f"requests wait, at most {HOLD} s, while it stops and these are copied: data (" in said
    assert trial.namespaces() == []


async def test_an_app_whose_volume_cannot_be_copied_runs_again_here_and_the_other_one_moves(
    trial: ClusterTrial, no_image: str
) -> None:
    done, (_, inserted) = await moved(trial, "kubernetes", "shop", "notes")

    assert (done.returncode, "shop runs on kubernetes" in done.stderr) == (1, True), done.stderr
    assert (
        f"notes was not moved: the volume data of notes was not copied to kubernetes: no node can pull {no_image}"
        in done.stderr
    )
    assert runtimes(trial) == {"shop": "kubernetes", "notes": "podman"}
    assert (hosts(trial, "shop"), hosts(trial, "notes")) == ({"cluster"}, {"machine"})
    assert len(deployments(trial)) == 3
    assert not [name for name in set(trial.containers()) - set(trial.deployments()) if "-shop-" in name]
    assert rows(trial, "notes") == inserted.requests
    assert (volumes(trial, "notes"), helpers(trial)) == ([False], [])
    assert "persistentvolumeclaim" not in trial.cluster.kubectl("get", "pvc", "--all-namespaces", "--output=name")


async def test_deploys_and_a_killed_pvdifyd_leave_each_app_on_its_side(
    trial: ClusterTrial, images: dict[str, str], helper: tuple[str, ...]
) -> None:
    trial.kill()
    assert trial.get("shop")[1] == trial.get("notes")[1] == "v1"
    trial.start(settings=helper)

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


async def test_a_volume_is_copied_to_the_cluster_although_pvdifyd_is_killed_meanwhile(
    trial: ClusterTrial, helper: tuple[str, ...], manifests: Path, images: dict[str, str]
) -> None:
    before = rows(trial, "notes")

    async def kill() -> None:
        await until(lambda: asyncio.to_thread(helpers, trial))
        await asyncio.to_thread(trial.kill)
        await asyncio.to_thread(trial.start, settings=helper)

    _, (inserted,) = await moved(trial, "kubernetes", "notes", disturb=kill)
    trial.pvdify("deploy", "diary", "--image", images["v1"], "--manifest", str(manifests / "diary.yml"))

    assert set(runtimes(trial).values()) == {"kubernetes"}
    assert hosts(trial, "notes") == {"cluster"}
    assert rows(trial, "notes") == before + inserted.requests
    assert (volumes(trial, "notes"), helpers(trial)) == ([False, True], [])
    assert "-notes-" not in str(set(trial.containers()) - set(trial.deployments()))


async def test_the_apps_move_back_without_a_failed_request(trial: ClusterTrial):
    before = rows(trial, "notes")
    async with Load(trial.stage.router, f"diary.{BASE_DOMAIN}", clients=1, pause=0.02, mix=(INSERT,)) as writing:
        await until(lambda: writing.report.requests > 10)
        written = (await writing.stop()).requests

    done, (_, inserted) = await moved(trial, "podman", "shop", "notes")

    assert done.returncode == 0, done.stderr
    assert set(runtimes(trial).values()) == {"podman"}
    assert hosts(trial, "shop") == hosts(trial, "notes") == {"machine"}
    assert rows(trial, "notes") == before + inserted.requests
    assert rows(trial, "diary") == written
    status, _, body = await asyncio.to_thread(insert, trial, "diary")
    assert (status, json.loads(body)["rows"]) == (200, written + 1)
    wait_until(lambda: deployments(trial) == [])


def test_nothing_is_left_on_either_side_of_apps_that_were_destroyed(trial: ClusterTrial):
    for app in ("shop", "notes", "diary"):
        trial.pvdify("apps:destroy", app, "--confirm", app, "--purge")

    wait_until(lambda: trial.namespaces() == [])
    wait_until(lambda: trial.containers() == {})
    assert trial.networks() == []
    assert podman("volume", "ls", "--format", "{{.Name}}") == ""
