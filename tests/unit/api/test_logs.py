"""/apps/{app}/logs: how far back, and resuming an interrupted stream."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest

from tests.fakes.behaviour import Behaviour
from tests.unit.api.conftest import Api

WEB = "pvdify-shop-web-v1-1"


async def streamed(api: Api, path: str, count: int, **headers: str) -> list[dict[str, str]]:
    """Return the fields of the first events, and of any others that arrive at once; then disconnect."""
    sent: list[bytes] = []

    async def receive() -> dict[str, object]:
        await asyncio.Event().wait()
        return {}

    async def send(message: dict[str, object]) -> None:
        sent.append(message.get("body", b""))  # type: ignore[arg-type]

    path, _, query = path.partition("?")
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
        "path": f"/api/v1{path}", "raw_path": path.encode(), "root_path": "", "query_string": query.encode(),
        "headers": [(b"authorization", f"Bearer {api.token}".encode()),
                    *((name.replace("_", "-").encode(), value.encode()) for name, value in headers.items())],
        "client": None, "server": ("127.0.0.1", 9443),
    }  # fmt: skip
    asking = asyncio.create_task(api.application(scope, receive, send))  # type: ignore[arg-type]
    known = -1
    while len(_events(sent)) < count or len(sent) != known:
        known = len(sent)
        await asyncio.sleep(0.01)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    return _events(sent)


def _events(sent: list[bytes]) -> list[dict[str, str]]:
    blocks = b"".join(sent).decode().split("\n\n")
    events = [dict(line.split(": ", 1) for line in it.splitlines() if not line.startswith(":")) for it in blocks]
    return [event for event in events if event]


def texts(events: list[dict[str, str]]) -> list[str]:
    return [json.loads(event["data"])["text"] for event in events if "data" in event and "event" not in event]


async def test_only_lines_since_a_moment_are_returned(api: Api) -> None:
    await api.daemon.deploy()
    api.machine.supervisor.write(WEB, "old")
    await api.machine.clock.sleep(60)
    moment = api.machine.clock.now() - timedelta(seconds=30)
    api.machine.supervisor.write(WEB, "new")

    answer = await api("GET", f"/apps/shop/logs?since={moment.isoformat().replace('+00:00', 'Z')}")

    assert [line.rpartition("| ")[2] for line in answer.content.decode().splitlines()] == ["new"]


async def test_an_interrupted_log_stream_resumes_after_the_last_line(api: Api) -> None:
    await api.daemon.deploy()
    for text in ("one", "two", "three", "four"):  # written together, at the same moment
        api.machine.supervisor.write(WEB, text)
    path = "/apps/shop/logs?follow=1&format=json&lines=2"
    first = await streamed(api, path, 2)
    assert texts(first) == ["three", "four"]

    again = await streamed(api, path, 1, last_event_id=first[1]["id"])

    assert first[1]["id"].endswith("/3")
    assert texts(again) == ["four"]


async def test_a_log_stream_without_lines_can_be_resumed(api: Api) -> None:
    await api.daemon.deploy()
    first = await streamed(api, "/apps/shop/logs?follow=1&format=json&lines=0", 1)

    assert first[0]["event"] == "position"
    assert datetime.now(UTC) - datetime.fromisoformat(first[0]["id"]) < timedelta(minutes=1)


async def test_a_late_line_is_neither_lost_nor_repeated_when_a_stream_resumes(api: Api) -> None:
    await api.daemon.deploy(manifest={"processes": {"web": {"count": 2}}})
    other = WEB[:-1] + "2"
    api.machine.supervisor.write(WEB, "one")
    await api.machine.clock.sleep(1)
    api.machine.supervisor.write(WEB, "two")
    path = "/apps/shop/logs?follow=1&format=json"
    first = await streamed(api, path, 2)
    api.machine.supervisor.write(other, "late", at=api.machine.clock.now() - timedelta(seconds=1))

    again = await streamed(api, path, 1, last_event_id=first[-1]["id"])

    assert texts(first) == ["one", "two"]
    assert texts(again) == ["late"]


async def test_logs_of_removed_instances_are_returned(api: Api) -> None:
    await api.daemon.deploy(manifest={"processes": {"web": {"count": 2}, "worker": {"command": ["work"]}}})
    gone, worker = "pvdify-shop-web-v1-2", "pvdify-shop-worker-v1-1"
    api.machine.supervisor.write(gone, "of the second")
    api.machine.supervisor.write(worker, "of the worker")
    await api.daemon.scale(web=1)
    await api.daemon.restart()
    api.machine.supervisor.write("pvdify-shop-web-v1-101", "of the first after its restart")
    live = await api("GET", "/apps/shop/logs")
    await api.daemon.deploy()
    await api.daemon.finish_retirements()

    whole = await api("GET", "/apps/shop/logs?release=1")
    one_process = await api("GET", "/apps/shop/logs?release=1&process=worker")
    last = await api("GET", "/apps/shop/logs?release=1&lines=1")

    lines = ["web.2 v1 | of the second", "worker.1 v1 | of the worker", "web.1 v1 | of the first after its restart"]
    assert [shown.partition(" ")[2] for shown in whole.content.decode().splitlines()] == lines
    assert live.content == whole.content
    assert one_process.content.decode().splitlines() == whole.content.decode().splitlines()[1:2]
    assert last.content.decode().splitlines() == whole.content.decode().splitlines()[2:]


async def test_before_the_first_live_release_logs_of_the_newest_release_are_returned(api: Api) -> None:
    api.machine.supervisor.script(Behaviour(exit_code=1, lines=("no database",)), process="web")
    await api.daemon.deploy()

    answer = await api("GET", "/apps/shop/logs")

    assert answer.content.decode().endswith("web.1 v1 | no database\n")


@pytest.mark.parametrize("text", ["yesterday", "10x", "9999d"])
async def test_an_invalid_since_is_refused(api: Api, text: str) -> None:
    await api.daemon.deploy()

    answer = await api("GET", f"/apps/shop/logs?since={text}")

    assert (answer.status, answer.json["detail"]) == (422, f'the query parameter since is "{text}"')


@pytest.mark.parametrize("lines", [1000, 100_000])
async def test_many_lines_are_sent_in_chunks_and_in_order(api: Api, lines: int) -> None:
    await api.daemon.deploy()
    for number in range(3000):
        api.machine.supervisor.write(WEB, f"line {number}")

    plain = await api("GET", f"/apps/shop/logs?lines={lines}")
    answer = await api("GET", f"/apps/shop/logs?lines={lines}&format=json")

    expected = [f"line {number}" for number in range(3000)][-lines:]
    assert [line["text"] for line in answer.json["lines"]][-len(expected) :] == expected
    assert [line.rpartition("| ")[2] for line in plain.content.decode().splitlines()][-len(expected) :] == expected


async def test_an_app_without_lines_has_an_empty_list(api: Api) -> None:
    await api.daemon.deploy()

    assert (await api("GET", "/apps/shop/logs?lines=0&format=json")).json == {"lines": []}


async def test_a_follower_receives_more_lines_than_one_batch(api: Api) -> None:
    await api.daemon.deploy()
    for number in range(1500):
        api.machine.supervisor.write(WEB, f"line {number}")

    events = await streamed(api, "/apps/shop/logs?follow=1&lines=1200&format=json", 1200)

    assert texts(events) == [f"line {number}" for number in range(300, 1500)]


TWO = {"processes": {"web": {"count": 1}, "worker": {"command": ["work"]}}}


@pytest.mark.parametrize("query", ["", "&follow=1", "&lines=0", "&release=1", "&follow=1&since=2026-11-01T00:00:00Z"])
async def test_an_unknown_process_is_named(api: Api, query: str) -> None:
    await api.daemon.deploy(manifest=TWO)

    answer = await api("GET", f"/apps/shop/logs?process=wroker{query}")

    assert (answer.status, answer.json["code"]) == (422, "unknown-process")
    assert answer.json["detail"] == 'shop has no process "wroker" in v1'
    assert answer.json["why"] == 'did you mean "worker"?'


async def test_a_process_of_another_release_belongs_only_to_it(api: Api) -> None:
    await api.daemon.deploy(manifest=TWO)
    api.machine.supervisor.write("pvdify-shop-worker-v1-1", "done")
    await api.daemon.deploy(manifest={"processes": {"web": {"count": 1}}})
    await api.daemon.finish_retirements()

    now = await api("GET", "/apps/shop/logs?process=worker")
    earlier = await api("GET", "/apps/shop/logs?process=worker&release=1")

    assert (now.status, now.json["why"]) == (422, "its processes are web")
    assert earlier.content.decode().endswith("| done\n")


async def test_a_process_added_or_removed_by_a_release_can_be_followed(api: Api) -> None:
    await api.daemon.deploy(manifest=TWO)
    await api.daemon.deploy(manifest={"processes": {"web": {"count": 1}}})
    await api.daemon.finish_retirements()

    events = await streamed(api, "/apps/shop/logs?follow=1&process=worker&format=json", 1)
    again = await streamed(api, "/apps/shop/logs?follow=1&process=gone&format=json", 1, last_event_id=events[0]["id"])

    assert [event["event"] for event in (*events, *again)] == ["position", "position"]


async def test_an_app_without_a_release_has_no_lines_of_any_process(api: Api) -> None:
    await api("POST", "/apps", {"name": "shop"})

    assert (await api("GET", "/apps/shop/logs?process=web")).status == 200
