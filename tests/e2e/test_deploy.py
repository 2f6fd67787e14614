"""Deploys on real podman, router and registry, with the command line and visitors."""

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.trial import Trial
from tests.load import Load
from tests.load.connection import Reason
from tests.support.waiting import wait_until
from tools.demo.stage import BASE_DOMAIN

SWAPS = 8
DRAIN = 30.0  # seconds, the default


@pytest.fixture(scope="module")
def trial() -> Iterator[Trial]:
    with Trial() as trial:
        for version in ("v1", "v2"):
            trial.push(version)
        trial.start()
        yield trial


def manifest(tmp_path: Path, content: str) -> str:
    file = tmp_path / "pvdify.yml"
    file.write_text(content)
    return str(file)


def test_the_first_deploy_prints_its_steps_and_serves(trial: Trial):
    done = trial.pvdify("deploy", "hello", "--image", trial.stage.image("v1"))

    assert done.stderr.startswith(f"Deploying {trial.stage.image('v1')} to hello\n")
    assert [line.split()[0] for line in done.stderr.splitlines()[1:]] == ["pull", "start", "health", "switch"]
    assert done.stdout.startswith("v1 is live at http://hello.demo.localhost")
    assert trial.get("hello")[:2] == (200, "v1")


async def test_no_request_fails_and_none_reaches_the_old_release_after_the_command_returned(trial: Trial):
    returned: list[tuple[float, str]] = []
    async with Load(trial.stage.router, f"hello.{BASE_DOMAIN}", clients=16, websockets=1, pause=0.03) as load:
        for number in range(SWAPS):
            version = "v2" if number % 2 == 0 else "v1"
            await asyncio.to_thread(trial.pvdify, "deploy", "hello", "--image", trial.stage.image(version))
            returned.append((time.monotonic(), version))
            await asyncio.sleep(0.3)
        report = await load.stop()

    # On a busy machine the swaps take longer than `drain`, with which WebSockets to the old release end.
    early = [it for it in report.failures if not (it.reason is Reason.WEBSOCKET and it.failed - it.started >= DRAIN)]
    assert early == [], report.summary()
    ends = [moment for moment, _ in returned[1:]] + [time.monotonic()]
    for (moment, version), _end in zip(returned[-1:], ends[-1:], strict=True):
        old = "v1" if version == "v2" else "v2"
        assert report.answered_by(old, started_after=moment) == 0


def test_receipt_is_complete_once_the_old_release_has_drained(trial: Trial):
    def receipt_of_the_newest() -> dict[str, Any]:
        found: dict[str, Any] = trial.ask("GET", "/apps/hello/releases?limit=1")[1]["releases"][0]["receipt"]
        return found

    wait_until(lambda: receipt_of_the_newest()["requests"]["is_final"])

    receipt = receipt_of_the_newest()
    assert receipt["requests"]["failed"] == 0
    assert receipt["requests"]["cut"] == 0
    assert receipt["requests"]["served"] > 0
    assert receipt["steps"]["switch"] > 0


def test_rollback_is_warm_and_planned(trial: Trial):
    before = trial.get("hello")[1]

    plan = json.loads(trial.pvdify("rollback", "hello", "--plan", "--json").stdout)
    done = trial.pvdify("rollback", "hello")

    assert plan["is_warm"] is True
    assert "(standby)" in done.stderr
    assert trial.get("hello")[1] != before


@pytest.mark.parametrize(
    ("config", "content", "exit_code", "why"),
    [
        ("START_EXIT=3", "healthcheck: {interval: 1s, retries: 60}", 7, "exited with code 3"),
        ("BIND=127.0.0.1", "", 7, "it listens only on 127.0.0.1"),
        ("LISTEN_PORT=9999", "", 7, "it listens on port 9999, not on"),
        ("HEALTH_STATUS=503", "", 7, "it answered 503"),
        ("X=1", "healthcheck: {path: /redirect, interval: 300ms, retries: 3}", 7, "a redirect to"),
        ("START_DELAY_MS=60000", "", 7, "nothing listens on port"),
        ("LEAK_MB=200", "resources: {memory: 48M}", 7, "used more memory than its limit"),
        ("X=1", 'hooks: {pre_deploy: ["echo migrating; exit 9"]}', 8, "its last lines: migrating"),
        ("X=1", "processes: {web: {command: [/no/such/program]}}", 1, "/no/such/program"),
    ],
)
def test_failed_deploy_names_its_cause_and_changes_nothing(
    trial: Trial, tmp_path: Path, config: str, content: str, exit_code: int, why: str
):
    before = trial.get("hello")[1]
    trial.pvdify("config:set", "hello", config)
    file = manifest(tmp_path, content or "healthcheck: {interval: 500ms, retries: 10, timeout: 1s}")

    done = trial.pvdify("deploy", "hello", "--image", trial.stage.image("v2"), "--manifest", file, check=False)
    trial.pvdify("config:unset", "hello", config.partition("=")[0])

    assert done.returncode == exit_code, done.stderr
    assert why in done.stderr
    assert "next:" in done.stderr
    assert trial.get("hello")[:2] == (200, before)


def test_a_missing_image_is_distinguished_from_an_unreachable_registry(trial: Trial):
    missing = trial.pvdify("deploy", "hello", "--image", trial.stage.image("nope"), check=False)
    away = trial.pvdify("deploy", "hello", "--image", "127.0.0.1:1/org/app:v1", check=False)

    assert (missing.returncode, away.returncode) == (1, 1)
    assert "error: image-not-found" in missing.stderr
    assert "error: registry-unavailable" in away.stderr


def test_hooks_workers_and_several_instances(trial: Trial, tmp_path: Path):
    file = manifest(
        tmp_path,
        "processes: {web: {count: 2}, worker: {command: [python3, /app/app.py, worker]}}\n"
        'hooks: {pre_deploy: ["echo one; echo two"], post_deploy: ["echo after"]}\n',
    )

    done = trial.pvdify("deploy", "hello", "--image", trial.stage.image("v2"), "--manifest", file)

    assert "    | one\n    | two\n" in done.stderr
    assert "    | after\n" in done.stderr
    assert "worker.1 up" in done.stderr
    processes = {it["name"]: it for it in trial.ask("GET", "/apps/hello/processes")[1]["processes"]}
    live = [it for it in processes["web"]["instances"] if it["slot"] == "live"]
    assert [it["state"] for it in live] == ["running", "running"]
    assert not any("pre_deploy" in name or "post_deploy" in name for name in trial.containers())


def test_logs_are_kept_after_the_containers_are_removed(trial: Trial, tmp_path: Path):
    trial.pvdify("config:set", "hello", "START_EXIT=4")
    file = manifest(tmp_path, "")
    trial.pvdify("deploy", "hello", "--image", trial.stage.image("v2"), "--manifest", file, check=False)
    trial.pvdify("config:unset", "hello", "START_EXIT")
    failed = trial.ask("GET", "/apps/hello/releases?limit=1")[1]["releases"][0]["version"]

    runtime = trial.pvdify("logs", "hello", "--release", str(failed)).stdout
    deploy = trial.pvdify("logs", "hello", "--release", str(failed), "--deploy").stdout

    assert f"web.1 v{failed} |" in runtime
    assert "exited with code 4" in deploy


def test_a_killed_instance_is_restarted(trial: Trial):
    name = next(name for name in trial.containers() if f"-web-v{trial.live_slot('hello')}-" in name)
    killed = trial.first_process(name)

    trial.kill_instance(name)

    wait_until(lambda: trial.first_process(name) not in (0, killed))


def test_second_server_is_independent(trial: Trial):
    with Trial() as other:
        other.push("v9")
        other.start()
        other.pvdify("deploy", "hello", "--image", other.stage.image("v9"))

        assert other.get("hello")[1] == "v9"
        assert trial.get("hello")[1] != "v9"
        other.pvdify("apps:destroy", "hello", "--confirm", "hello")
        wait_until(lambda: other.containers() == {})
        assert other.get("hello")[0] == 404
    assert trial.get("hello")[0] == 200


def test_cold_rollback_with_the_registry_away_after_a_restart(trial: Trial):
    trial.stop()
    trial.start(settings=("--standby", "0"))
    for version in ("v1", "v2"):
        trial.pvdify("deploy", "hello", "--image", trial.stage.image(version))
    wait_until(lambda: len(trial.containers()) <= 3)
    trial.registry.stop()

    done = trial.pvdify("rollback", "hello")

    assert "(standby)" not in done.stderr
    assert trial.get("hello")[:2] == (200, "v1")
