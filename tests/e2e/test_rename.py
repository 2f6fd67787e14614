"""An app is renamed under load on real podman: no request fails, and the next deploy renames its containers."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.e2e.trial import Trial
from tests.load import Load
from tests.support.waiting import until
from tools.demo.stage import BASE_DOMAIN


@pytest.fixture(scope="module")
def trial() -> Iterator[Trial]:
    with Trial("--standby", "2s") as trial:
        trial.push("v1")
        trial.push("v2")
        trial.start()
        trial.pvdify("config:set", "hello", "GREETING=salut", check=False)
        trial.pvdify("deploy", "hello", "--image", trial.stage.image("v1"))
        trial.pvdify("config:set", "hello", "--secret", "WORD=open-sesame")
        trial.pvdify("deploy", "hello")
        yield trial


async def run(trial: Trial, *words: str) -> str:
    done = await asyncio.to_thread(trial.pvdify, *words)
    return done.stdout + done.stderr


async def test_a_rename_and_the_deploy_after_it_lose_no_request(trial: Trial):
    before = set(trial.containers())
    async with Load(trial.stage.router, f"hello.{BASE_DOMAIN}", clients=8, pause=0.04) as visitors:
        said = await run(trial, "apps:rename", "hello", "greeter", "--keep-hostname")
        renamed = set(trial.containers())
        logs = await run(trial, "logs", "greeter", "-n", "200")
        shown = await run(trial, "ps", "greeter")
        await asyncio.to_thread(trial.kill)
        await asyncio.to_thread(trial.start)
        config = await run(trial, "config:get", "greeter", "WORD", "--reveal")
        await run(trial, "deploy", "greeter", "--image", trial.stage.image("v2"))
        deployed = {name for name in trial.containers() if f"-v{trial.live_slot('greeter')}-" in name}
        await run(trial, "rollback", "greeter")
        report = await visitors.stop()

    assert report.failures == [], report.summary()
    assert "hello is called greeter now" in said
    assert "pvdify-hello-web-v2-1" in renamed <= before
    assert "web.1" in logs
    assert "running" in shown
    assert config.startswith("open-sesame\n")
    assert trial.get("greeter")[:2] == (200, "v1")
    refused = trial.pvdify("ps", "hello", check=False)
    assert refused.returncode == 4
    assert "hello is called greeter since" in refused.stderr
    assert {name.rpartition("-v")[0] for name in deployed} == {"pvdify-greeter-web"}


async def test_an_instance_from_before_a_rename_is_started_again(trial: Trial):
    await run(trial, "apps:rename", "greeter", "bonjour")
    (name,) = [each for each in trial.containers() if f"-v{trial.live_slot('bonjour')}-" in each]

    trial.kill_instance(name)

    await until(lambda: trial.get("bonjour")[0] == 200)
    assert trial.get("greeter")[0] == 404
