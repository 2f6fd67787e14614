"""The load is strict: every failed request is in its report."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.load import DEFAULT_MIX, GET, Load, Reason, Report, Shape
from tests.load.backend import Backend
from tests.load.shapes import POST
from tools.free_port import free_port


@pytest.fixture
async def backend() -> AsyncIterator[Backend]:
    backend = Backend(version="v1")
    await backend.start()
    yield backend
    await backend.stop()


async def run(port: int, shape: Shape | None = None, *, seconds: float = 0.1, timeout: float = 2.0) -> Report:
    mix = (shape,) if shape else DEFAULT_MIX
    async with Load(f"127.0.0.1:{port}", "shop.test", clients=4, mix=mix, timeout=timeout) as load:
        await asyncio.sleep(seconds)
        return await load.stop()


async def test_a_good_server_has_no_failures_and_equal_counts(backend: Backend) -> None:
    report = await run(backend.port, seconds=0.4)

    assert report.failures == []
    assert report.by_version == {"v1": backend.served}
    assert report.requests == len(report.answered) == backend.served >= 4  # one of each client
    assert report.connections == 4


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/drop", Reason.RESET),
        ("/truncate", Reason.TRUNCATED),
        ("/garbage", Reason.NOT_HTTP),
        ("/status?code=500", Reason.STATUS),
        ("/status?code=302", Reason.STATUS),
        ("/wrong", Reason.WRONG_BODY),
        ("/slow?ms=1000", Reason.TIMEOUT),
    ],
)
async def test_every_misbehaviour_is_a_failure_with_its_reason(backend: Backend, path: str, reason: Reason) -> None:
    shape = Shape(name="bad", method="POST", path=path, body_size=10, is_right=POST.is_right)

    report = await run(backend.port, shape, timeout=0.3)

    assert report.answered == []
    assert {failure.reason for failure in report.failures} == {reason}
    assert report.requests == len(report.failures) >= 4


async def test_a_chunked_answer_cut_off_is_a_failure() -> None:
    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
        writer.close()

    server = await asyncio.start_server(cut, "127.0.0.1", 0)
    async with server:
        report = await run(server.sockets[0].getsockname()[1], GET)

    assert {failure.reason for failure in report.failures} == {Reason.TRUNCATED}


async def test_a_port_without_a_listener_is_a_failure() -> None:
    report = await run(free_port(), GET)

    assert {failure.reason for failure in report.failures} == {Reason.CONNECT}
    assert report.by_reason == {"could not connect": report.requests}


async def test_a_server_killed_under_load_fails_requests_in_flight(backend: Backend) -> None:
    async with Load(
        f"127.0.0.1:{backend.port}", "shop.test", clients=4, mix=(Shape(name="slow", path="/slow?ms=500"),)
    ) as load:
        await asyncio.sleep(0.1)
        await backend.stop()
        report = await load.stop()

    assert report.by_reason[Reason.RESET.value] == 4


async def test_late_answers_of_an_old_release_can_be_recognized(backend: Backend) -> None:
    async with Load(f"127.0.0.1:{backend.port}", "shop.test", clients=2, mix=(GET,)) as load:
        await asyncio.sleep(0.1)
        moment = load.now()
        await asyncio.sleep(0.1)
        report = await load.stop()

    assert 0 < report.answered_by("v1", started_after=moment) < report.answered_by("v1")
    assert report.answered_by("v1", started_after=load.now()) == 0
    assert report.answered_by("v2") == 0


async def test_websockets_echo_and_a_cut_one_is_a_failure(backend: Backend) -> None:
    async with Load(f"127.0.0.1:{backend.port}", "shop.test", clients=0, websockets=2) as load:
        await asyncio.sleep(0.2)
        assert load.report.failures == []
        await backend.stop()
        await asyncio.sleep(0.1)
        report = await load.stop()

    assert report.websocket_messages > 4
    assert report.by_reason[Reason.WEBSOCKET.value] == 2
    assert report.by_reason[Reason.CONNECT.value] > 0


def test_figures_are_those_of_successful_requests() -> None:
    report = Report(started=0.0, finished=10.0, answered=[(i / 10, i / 10 + 0.01 * i, "v1") for i in range(100)])

    assert report.latency(0.5) == pytest.approx(0.5)
    assert report.latency(0.99) == pytest.approx(0.99)
    assert report.rate == pytest.approx(10)
    assert report.longest_gap() == pytest.approx(0.11)
