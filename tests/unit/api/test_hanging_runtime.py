"""A container runtime that does not answer: reads return the last known state and its time."""

import asyncio

import pytest

from pvdify.model.instance import FoundInstance
from tests.unit.api.conftest import Api

READERS = ("/status", "/metrics", "/apps", "/apps/shop", "/apps/shop/processes")


@pytest.fixture
async def hanging(api: Api, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let every query of the runtime hang, and return the list of queries."""
    await api.daemon.deploy()
    assert (await api("GET", "/status")).status == 200
    asked: list[str] = []

    async def never(app: str | None = None) -> tuple[FoundInstance, ...]:
        asked.append(app or "")
        return await asyncio.get_running_loop().create_future()

    api.daemon.world.runtime_queries.patience = 0.05
    # the fake has no way to hang, only to fail
    monkeypatch.setattr(api.machine.supervisor, "find", never)
    return asked


@pytest.mark.usefixtures("hanging")
@pytest.mark.parametrize("path", READERS)
async def test_every_read_is_answered_from_the_last_known_state(api: Api, path: str) -> None:
    async with asyncio.timeout(60):
        answer = await api("GET", path)

    assert answer.status == 200


async def test_status_names_the_runtime_and_the_age_of_the_last_known_state(api: Api, hanging: list[str]) -> None:
    seen = api.machine.clock.now()
    await api("GET", "/status")
    await api.machine.clock.sleep(60)

    (runtime,) = [it for it in (await api("GET", "/status")).json["checks"] if it["name"] == "runtime"]

    assert runtime["state"] == "broken"
    assert "has not answered for 6" in runtime["text"]
    assert f"what is shown of containers is from {seen:%H:%M}" in runtime["text"]
    assert len(hanging) == 1, "a runtime that hangs is not asked again"


@pytest.mark.usefixtures("hanging")
async def test_metrics_keep_the_instances_and_report_the_runtime_as_unavailable(api: Api) -> None:
    text = (await api("GET", "/metrics")).content.decode()

    assert 'pvdify_up{part="runtime"} 0.0' in text
    assert 'pvdify_instance{app="shop"' in text
    assert "pvdify_instances_seen_seconds" in text


@pytest.mark.usefixtures("hanging")
async def test_the_runtime_is_asked_again_once_it_answers(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    await api("GET", "/status")
    api.daemon.world.runtime_queries.patience = 60.0
    monkeypatch.undo()
    for task in list(api.daemon.world.runtime_queries._hanging):
        task.cancel()
    await asyncio.wait(api.daemon.world.runtime_queries._hanging or {asyncio.create_task(asyncio.sleep(0))})

    (runtime,) = [it for it in (await api("GET", "/status")).json["checks"] if it["name"] == "runtime"]

    assert runtime["state"] == "ok"
