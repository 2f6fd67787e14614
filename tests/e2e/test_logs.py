"""Logs of real instances: followed over deploys and kills, and read after the instances are removed."""

import json
import os
import signal
import subprocess
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.trial import PVDIFY, Trial
from tests.support.waiting import wait_until

MANIFEST = """\
processes:
  web: {count: 2}
  worker: {command: [python3, /app/app.py, worker], count: 2}
  fragile: {command: "echo up; sleep 6; echo dying words >&2; exit 3"}
stop_timeout: 2s
"""
Seen = dict[tuple[int, str], list[str]]  # by release and instance


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    manifest = tmp_path_factory.mktemp("logs") / "pvdify.yml"
    manifest.write_text(MANIFEST)
    with Trial("--standby", "1s") as trial:
        trial.push("v1", "TICK_MS=20")
        trial.push("v2", "TICK_MS=20")
        trial.start()
        trial.pvdify("deploy", "hello", "--image", trial.stage.image("v1"), "--manifest", str(manifest))
        yield trial


@contextmanager
def follower(trial: Trial, file: Path) -> Iterator[None]:
    token = (trial.stage.data_dir / "admin.token").read_text().strip()
    access = {"PVDIFY_URL": trial.stage.url, "PVDIFY_TOKEN": token}
    with file.open("wb") as output:
        process = subprocess.Popen(
            (*PVDIFY, "logs", "hello", "-f", "-n", "100000", "--json"), stdin=subprocess.DEVNULL, stdout=output,
            env=trial.stage.environment() | access, cwd="/",
        )  # fmt: skip
    try:
        yield
        assert process.poll() is None, "the follower has ended"
    finally:
        os.kill(process.pid, signal.SIGINT)
        process.wait(10)


def followed(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def by_instance(lines: list[dict[str, Any]]) -> Seen:
    found: Seen = defaultdict(list)
    for line in lines:
        found[line["release"], f"{line['process']}.{line['number']}"].append(line["text"])
    return found


def ticks(lines: list[str]) -> list[int]:
    return [int(text.removeprefix("tick ")) for text in lines if text.startswith("tick ")]


def release_log(trial: Trial, release: int, *options: str) -> list[dict[str, Any]]:
    printed = trial.pvdify("logs", "hello", "--release", str(release), "-n", "100000", "--json", *options).stdout
    lines: list[dict[str, Any]] = json.loads(printed)["lines"]
    return lines


def test_a_follower_misses_no_line_over_a_deploy_and_a_kill_of_pvdifyd(trial: Trial, tmp_path: Path):
    file = tmp_path / "followed"

    def have_written_much(release: int) -> bool:
        seen = by_instance(followed(file))
        return all(len(ticks(seen[release, f"worker.{number}"])) > 100 for number in (1, 2))

    with follower(trial, file):
        wait_until(lambda: have_written_much(1))
        trial.pvdify("deploy", "hello", "--image", trial.stage.image("v2"))
        wait_until(lambda: any(line["release"] == 2 for line in followed(file)))
        for _ in range(2):
            trial.kill()
            time.sleep(0.5)
            trial.start()
            time.sleep(1.0)
        wait_until(lambda: have_written_much(2))
        trial.pvdify("ps:scale", "hello", "worker=1")
        time.sleep(1.0)

    seen, workers = by_instance(followed(file)), [(1, "worker.1"), (1, "worker.2"), (2, "worker.1"), (2, "worker.2")]
    for worker in workers:
        numbers = ticks(seen[worker])
        assert numbers == list(range(1, len(numbers) + 1)), worker
        assert len(numbers) > 100, worker  # so that there was much to miss
    assert {(1, "web.1"), (1, "web.2"), (2, "web.1"), (2, "web.2")} < set(seen)


def test_every_line_of_a_release_is_readable_after_its_instances_are_removed(trial: Trial):
    wait_until(lambda: not any("-v1-" in name for name in trial.containers()))

    first, second = by_instance(release_log(trial, 1)), by_instance(release_log(trial, 2))

    assert {instance for _, instance in first} == {"web.1", "web.2", "worker.1", "worker.2", "fragile.1"}
    assert first[1, "web.2"][-1] == "stopped"
    assert second[2, "worker.2"][0].startswith("worker v2 of release 2 started")
    whole = ticks(second[2, "worker.2"])
    assert whole == list(range(1, len(whole) + 1))
    assert len(release_log(trial, 2, "--process", "worker", "-n", "7")) == 7


def test_the_last_lines_of_a_crashed_instance_are_kept(trial: Trial):
    def has_come_twice() -> bool:
        return by_instance(release_log(trial, 2))[2, "fragile.1"].count("up") >= 2

    wait_until(has_come_twice)

    words = by_instance(release_log(trial, 2, "--process", "fragile"))[2, "fragile.1"]
    assert words[:3] == ["up", "dying words", "up"]
