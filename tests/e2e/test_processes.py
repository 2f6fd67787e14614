"""Instances of an app on real podman: scaled under load, and one-off commands beside them."""

import asyncio
import os
import pty
import select
import subprocess
import time
from collections.abc import Iterator

import pytest

from tests.e2e.trial import PVDIFY, Trial
from tests.load import GET, Load
from tests.support.waiting import PATIENCE, until, wait_until
from tools.demo.stage import BASE_DOMAIN

CLIENTS = 12


@pytest.fixture(scope="module")
def trial() -> Iterator[Trial]:
    with Trial() as trial:
        trial.push("v1")
        trial.start()
        trial.pvdify("deploy", "hello", "--image", trial.stage.image("v1"))
        yield trial


def access(trial: Trial) -> dict[str, str]:
    token = (trial.stage.data_dir / "admin.token").read_text().strip()
    return trial.stage.environment() | {"PVDIFY_URL": trial.stage.url, "PVDIFY_TOKEN": token}


def runs(trial: Trial) -> list[str]:
    return [name for name in trial.containers() if "-run-" in name]


async def test_scaling_up_and_down_and_a_restart_fail_no_request(trial: Trial):
    async with Load(trial.stage.router, f"hello.{BASE_DOMAIN}", clients=8, pause=0.04) as load:
        for arguments in (("ps:scale", "hello", "web=3"), ("ps:restart", "hello"), ("ps:scale", "hello", "web=1")):
            await asyncio.to_thread(trial.pvdify, *arguments)
        report = await load.stop()

    assert report.failures == [], report.summary()
    assert report.requests > 100
    assert trial.pvdify("ps:scale", "hello").stdout == "web=1\n"
    assert len([state for state in trial.containers().values() if state == "running"]) == 1


async def test_killing_one_of_three_instances_loses_only_its_requests_in_flight(trial: Trial):
    await asyncio.to_thread(trial.pvdify, "ps:scale", "hello", "web=3")
    async with Load(trial.stage.router, f"hello.{BASE_DOMAIN}", clients=CLIENTS, pause=0.02, mix=(GET,)) as load:
        await until(lambda: trial.routed("hello") == 3 and len(load.report.answered) > 100)

        await asyncio.to_thread(trial.kill_instance, "pvdify-hello-web-v1-2")

        await until(lambda: trial.routed("hello") == 2)
        gone = load.now()
        await until(lambda: trial.routed("hello") == 3)  # started again, and healthy
        report = await load.stop()

    assert len(report.failures) <= CLIENTS
    assert all(it.started < gone for it in report.failures), report.summary()
    await asyncio.to_thread(trial.pvdify, "ps:scale", "hello", "web=1")


def test_a_stopped_app_answers_503_until_it_is_started(trial: Trial):
    trial.pvdify("ps:stop", "hello")
    stopped = trial.get("hello")[0]

    trial.pvdify("ps:start", "hello")

    assert (stopped, trial.get("hello")[0]) == (503, 200)


def test_a_command_has_config_input_output_and_its_own_exit_code(trial: Trial):
    command = (*PVDIFY, "run", "hello", "--", "cat; echo $PVDIFY_PROCESS of $PVDIFY_APP; echo oh >&2; exit 42")

    done = subprocess.run(
        command, input="typed\n", capture_output=True, text=True, env=access(trial), timeout=60, check=False
    )

    assert (done.returncode, done.stdout, done.stderr) == (42, "typed\nrun of hello\n", "oh\n")
    assert runs(trial) == []


def test_a_command_run_at_a_terminal_gets_a_terminal(trial: Trial):
    ours, its = pty.openpty()
    process = subprocess.Popen(
        (*PVDIFY, "run", "hello", "--", "sh"), stdin=its, stdout=its, stderr=its, env=access(trial),
        start_new_session=True,
    )  # fmt: skip
    os.close(its)
    said, is_reported, deadline = b"", False, time.monotonic() + PATIENCE
    try:
        while time.monotonic() < deadline:
            if select.select([ours], [], [], 0.5)[0]:
                try:
                    said += os.read(ours, 4096)
                except OSError:  # the client has closed its end
                    break
            if not is_reported and b"$ " in said:
                os.write(ours, b"tty; exit 5\r")
                is_reported = True
        code = process.wait(60)
    finally:
        process.kill()
        os.close(ours)

    assert code == 5, said
    assert b"/dev/pts/" in said


def test_a_command_ends_when_its_client_is_killed(trial: Trial):
    process = subprocess.Popen(
        (*PVDIFY, "run", "hello", "--", "echo up; sleep 600"), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        env=access(trial),
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == b"up\n"
    assert len(runs(trial)) == 1

    process.kill()
    process.wait()
    process.stdout.close()

    wait_until(lambda: not runs(trial))
