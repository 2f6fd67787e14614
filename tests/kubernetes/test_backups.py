"""Backups of an app with a volume in the cluster: a whole server, restic, and a directory as target."""

import asyncio
import json
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pvdify.adapters.kubernetes.names import HELPER
from tests.kubernetes.trial import ClusterTrial
from tests.load import Load, Shape
from tests.support.cluster import Cluster
from tests.support.waiting import wait_until
from tools.demo.stage import BASE_DOMAIN

pytestmark = [
    pytest.mark.kubernetes, pytest.mark.timeout(900),
    pytest.mark.skipif(shutil.which("restic") is None, reason="restic is not installed"),
]  # fmt: skip
MOMENTS = (1.0, 3.0) if os.environ.get("PVDIFY_TEST_EVERY_MOMENT") else (2.0,)  # seconds into the backup
PLAIN = "port: 8080\nprocesses: {web: {command: [python3, /app/app.py]}}\nvolumes: {data: {path: /data}}\n"
COPY = "import sqlite3; sqlite3.connect('/data/app.db').backup(sqlite3.connect('/data/copy.db'))"
MANIFESTS = {
    "plain": PLAIN,
    "command": PLAIN + f'backup:\n  before: [python3, -c, "{COPY}"]\n  after: [python3, -c, "import os; '
    "os.unlink('/data/copy.db')\"]\n",
}  # fmt: skip
INSERT = Shape(name="row", method="POST", path="/rows", body_size=64)


@pytest.fixture(scope="module")
def image(shared_cluster: Cluster) -> str:
    """The sample app, whose user is not root."""
    return shared_cluster.push_sample("v1", "notes")


@pytest.fixture(scope="module")
def manifests(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("manifests")
    for name, content in MANIFESTS.items():
        (folder / f"{name}.yml").write_text(content)
    return folder


@pytest.fixture(scope="module")
def trial(
    shared_cluster: Cluster, image: str, manifests: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ClusterTrial]:
    """A server with the app ``notes`` without commands for backups, and a target."""
    helper = shared_cluster.push_image(content="helper")
    with shared_cluster.inside(), ClusterTrial(shared_cluster, "--kubernetes-helper-image", helper) as trial:
        trial.start()
        trial.pvdify("deploy", "notes", "--image", image, "--manifest", str(manifests / "plain.yml"))
        trial.pvdify("backups:target", str(tmp_path_factory.mktemp("target")))
        yield trial


@pytest.fixture(autouse=True)
def _in_the_outside_network(cluster: Cluster) -> None:
    pass


def newest(trial: ClusterTrial) -> dict[str, Any]:
    """The newest backup: its state, and its item of the volume."""
    found = trial.ask("GET", "/backups")[1]["backups"][0]
    return {"state": found["state"], **next(it for it in found["items"] if it["kind"] == "volume")}


def rows(trial: ClusterTrial, app: str) -> dict[str, Any]:
    status, _, body = trial.get(app, "/rows")
    assert status == 200, body
    found: dict[str, Any] = json.loads(body)
    return found


def helpers(trial: ClusterTrial) -> list[str]:
    listed = trial.cluster.kubectl("get", "pods", "--all-namespaces", f"--selector={HELPER}", "--output=name")
    return listed.split()


async def test_a_used_volume_without_a_command_is_missing_by_name(trial: ClusterTrial):
    async with Load(trial.stage.router, f"notes.{BASE_DOMAIN}", clients=2, pause=0.02, mix=(INSERT,)) as visitors:
        await asyncio.sleep(1.0)
        await visitors.stop()

    done = await asyncio.to_thread(trial.pvdify, "backups:run", check=False)

    assert done.returncode != 0
    assert newest(trial)["state"] == "incomplete"
    assert "nothing can be paused" in newest(trial)["problem"]
    assert rows(trial, "notes")["rows"] > 0


def test_with_its_command_the_volume_is_stored_and_proven(trial: ClusterTrial, image: str, manifests: Path):
    trial.pvdify("deploy", "notes", "--image", image, "--manifest", str(manifests / "command.yml"))

    made = trial.pvdify("backups:run")
    proven = trial.pvdify("backups:verify")

    assert "was made" in made.stdout
    assert "is whole" in proven.stdout
    item = newest(trial)
    assert (item["state"], item["problem"], item["rows"]) == ("stored", "", 2 * rows(trial, "notes")["rows"])
    assert helpers(trial) == []


def test_a_restored_volume_has_the_rows_in_another_app(trial: ClusterTrial, image: str, manifests: Path):
    trial.pvdify("backups:restore", "notes", "--to", "copy")
    trial.pvdify("deploy", "copy", "--image", image, "--manifest", str(manifests / "plain.yml"))

    assert rows(trial, "copy") == rows(trial, "notes") | {"integrity": "ok"}
    assert helpers(trial) == []


def test_a_kill_during_a_backup_leaves_no_helper_and_the_backup_is_repeated(trial: ClusterTrial):
    for moment in MOMENTS:
        trial.ask("POST", "/backups")
        time.sleep(moment)
        trial.kill()
        trial.start()
        wait_until(lambda: all(it["is_over"] for it in trial.ask("GET", "/backups")[1]["tasks"]))

        assert trial.get("notes", "/rows")[0] == 200
        wait_until(lambda: helpers(trial) == [])
    # the app copy has no command, so its volume is refused
    by_app = {it["app"]: it["problem"] for it in trial.ask("GET", "/backups")[1]["backups"][0]["items"]}
    assert by_app["notes"] == ""
    assert "nothing can be paused" in by_app["copy"]
