"""Backups of an SQLite app under load on the real thing: podman, restic, a directory as target."""

import asyncio
import json
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.trial import Trial
from tests.load import Load, Shape
from tests.load.connection import Answer
from tests.support.waiting import wait_until
from tools.demo.stage import BASE_DOMAIN

pytestmark = pytest.mark.skipif(shutil.which("restic") is None, reason="restic is not installed")
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
    target = tmp_path_factory.mktemp("target")
    with Trial() as trial:
        trial.push("v1")
        trial.start()
        trial.pvdify("deploy", "hello", "--image", trial.stage.image("v1"), "--manifest", str(manifest))
        trial.pvdify("backups:target", str(target))
        yield trial


def backups(trial: Trial) -> dict[str, Any]:
    found: dict[str, Any] = trial.ask("GET", "/backups")[1]
    return found


def volume_of(trial: Trial) -> dict[str, Any]:
    newest = next(it for it in backups(trial)["backups"] if it["state"] == "stored")
    return next(it for it in newest["items"] if it["kind"] == "volume")


async def test_a_backup_under_load_is_consistent_and_no_request_fails(trial: Trial):
    async with Load(trial.stage.router, f"hello.{BASE_DOMAIN}", clients=8, pause=0.02, mix=(INSERT,)) as visitors:
        await asyncio.sleep(1.0)
        made = await asyncio.to_thread(trial.pvdify, "backups:run")
        report = await visitors.stop()
    verified = await asyncio.to_thread(trial.pvdify, "backups:verify")

    item = volume_of(trial)
    print(f"stood still for {item['held']} s, {item['rows']} rows, longest request {report.summary()}")
    assert report.failures == [], report.summary()
    assert "was made" in made.stdout
    assert "is whole" in verified.stdout
    assert 0 < item["rows"] <= json.loads(trial.get("hello", "/rows")[2])["rows"]
    assert 0 < item["held"] < 10
    assert item["problem"] == ""


def test_a_restore_beside_and_in_place_has_the_rows_of_the_backup(trial: Trial):
    rows = volume_of(trial)["rows"]

    beside = trial.pvdify("backups:restore", "hello", "--to", "copy")
    over = trial.pvdify("backups:restore", "hello", check=False)
    running = trial.pvdify("backups:restore", "hello", "--replace", check=False)
    trial.pvdify("ps:stop", "hello")
    trial.pvdify("backups:restore", "hello", "--replace")
    trial.pvdify("ps:start", "hello")

    assert "restore the volume data of copy" in beside.stdout
    assert (over.returncode, running.returncode) == (5, 5)
    assert "never writes over" in over.stderr
    wait_until(lambda: trial.get("hello", "/rows")[0] == 200, "the app did not come back")
    assert json.loads(trial.get("hello", "/rows")[2]) == {"rows": rows, "integrity": "ok"}
    states = [it["state"] for it in trial.ask("GET", "/apps/hello/volumes")[1]["volumes"]]
    assert sorted(states) == ["trash", "used"]


def test_a_kill_during_a_backup_leaves_no_paused_container_and_the_backup_is_repeated(trial: Trial):
    for moment in (0.3, 1.0, 2.0, 3.0):
        before = sum(it["state"] == "stored" for it in backups(trial)["backups"])
        trial.ask("POST", "/backups")
        time.sleep(moment)
        trial.kill()
        trial.start()
        wait_until(lambda: all(it["is_over"] for it in backups(trial)["tasks"]), "the task went on forever")

        assert trial.get("hello", "/rows")[0] == 200
        assert all(state == "running" for state in trial.containers().values())
        newest = backups(trial)["backups"][0]
        assert newest["state"] == "stored", newest
        assert sum(it["state"] == "stored" for it in backups(trial)["backups"]) >= min(before, 1)
    assert "is whole" in trial.pvdify("backups:verify").stdout
    assert not (trial.stage.data_dir / "backups" / "passing").exists() or not list(
        (trial.stage.data_dir / "backups" / "passing").iterdir()
    )


def test_the_files_of_a_service_of_any_image_are_restored_by_its_name(trial: Trial):
    image = trial.stage.image("v1")
    trial.pvdify("services:create", "files", "--image", image, "--port", "8080", "--volume", "/data")
    in_service = ("services:connect", "files", "--", "sh", "-c")
    trial.pvdify(*in_service, "echo kept > /data/note; chown 1234:50 /data/note; chmod 640 /data/note")
    trial.pvdify("backups:run")
    trial.pvdify(*in_service, "echo spoilt > /data/note")

    refused = trial.pvdify("backups:restore", "--service", "files", check=False)
    replaced = trial.pvdify("backups:restore", "--service", "files", "--replace")
    beside = trial.pvdify("backups:restore", "--service", "files", "--to", "files-2")

    look = "cat /data/note; stat -c '%u %g %a' /data/note"
    assert refused.returncode == 5
    assert "restore its volume into a new one" in replaced.stdout + beside.stdout
    for name in ("files", "files-2"):
        found = trial.pvdify("services:connect", name, "--", "sh", "-c", look).stdout.split()
        assert found == ["kept", "1234", "50", "640"], name
        assert trial.ask("GET", f"/services/{name}")[1]["state"] == "live"
        trial.pvdify("services:destroy", name, "--confirm", name, "--purge")


def test_no_secret_of_the_target_is_in_any_argument_log_or_file_in_clear(trial: Trial, tmp_path: Path):
    target = tmp_path / "other"
    target.mkdir()
    said = json.loads(trial.pvdify("backups:target", str(target), "--json").stdout)
    password = said["password"]
    trial.pvdify("backups:run")

    files = [path for path in trial.stage.data_dir.rglob("*") if path.is_file()]
    assert [path for path in files if password.encode() in path.read_bytes()] == []
    assert password not in trial.stage.log.read_text(encoding="utf-8", errors="replace")
    assert password not in trial.pvdify("backups").stdout
    opened = [path for path in target.rglob("*") if path.is_file() and b"SQLite format 3" in path.read_bytes()]
    assert opened == []
    with closing(sqlite3.connect(f"file:{trial.stage.data_dir}/pvdify.db?mode=ro", uri=True)) as database:
        assert password not in "\n".join(database.iterdump())
