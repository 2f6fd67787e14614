"""The access log's file: what its lines mean, its newest lines, and how it is kept small."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pvdify.adapters.haproxy.access_log import AccessLogFile, parse
from pvdify.model.visit import CutVisits, Visit
from tests.fakes.clock import FakeClock

LINE = {
    "time": "2026-11-25T09:12:51.715Z", "request_id": "abc", "client": "203.0.113.7", "protocol": "https",
    "method": "GET", "host": "shop.example.com", "path": "/cart", "status": 200, "ms": 12, "wait_ms": 9,
    "bytes_in": 117, "bytes_out": 135, "target": "shop/v42:2", "retries": "+1", "ended": "----", "agent": "curl",
}  # fmt: skip


def line(**more: object) -> bytes:
    return json.dumps(LINE | more).encode() + b"\n"


def log(directory: Path, content: bytes, *, largest: int = 10_000) -> AccessLogFile:
    (directory / "access.log").write_bytes(content)
    return AccessLogFile(directory, clock=FakeClock(), largest=largest)


def test_a_line_becomes_a_visit() -> None:
    visit = parse(line())

    assert visit == Visit(
        at=datetime(2026, 11, 25, 9, 12, 51, 715000, tzinfo=UTC), request_id="abc", client="203.0.113.7",
        protocol="https", method="GET", host="shop.example.com", path="/cart", status=200, seconds=0.012, wait=0.009,
        bytes_in=117, bytes_out=135, target="shop/v42:2", retries=1, ended="----", agent="curl",
    )  # fmt: skip
    assert visit is not None
    assert (visit.app, visit.slot, visit.instance) == ("shop", 42, 2)


def test_a_response_of_the_router_itself_belongs_to_no_app() -> None:
    visit = parse(line(target="-", wait_ms=-1))

    assert visit is not None
    assert (visit.app, visit.slot, visit.instance, visit.wait) == (None, None, None, 0)


@pytest.mark.parametrize("text", [b"", b"{", b'{"time": "-"}', b"[]", line(time="-.-Z"), b"\xff"])
def test_malformed_lines_are_skipped(text: bytes) -> None:
    assert parse(text) is None


async def test_the_newest_lines_come_oldest_first(tmp_path: Path) -> None:
    content = b"".join(line(request_id=str(number), agent="x" * 1000) for number in range(600))

    found = await log(tmp_path, content + b'{"time": "2026').tail(500)

    assert [visit.request_id for visit in found] == [str(number) for number in range(100, 600)]


async def test_lines_are_filtered_by_app(tmp_path: Path) -> None:
    content = line(target="blog/v1:1") + line() + line(target="-")

    assert [visit.app for visit in await log(tmp_path, content).tail(10, app="blog")] == ["blog"]


async def test_zero_lines_or_an_empty_log_return_nothing(tmp_path: Path) -> None:
    assert await log(tmp_path, line()).tail(0) == ()
    assert await AccessLogFile(tmp_path / "none", clock=FakeClock(), largest=1).tail(5) == ()


async def test_following_starts_now_and_continues_across_a_rotation(tmp_path: Path) -> None:
    access_log = log(tmp_path, line(request_id="before"), largest=10)
    file = tmp_path / "access.log"
    followed = access_log.follow()
    assert await anext(followed) is None

    with file.open("ab") as router:
        router.write(line(request_id="1") + line(request_id="2")[:20])
        router.flush()
        first = await anext(followed)
        router.write(line(request_id="2")[20:])
        router.flush()
        second = await anext(followed)
        await access_log.rotate()
        router.write(line(request_id="3"))
        router.flush()
        while (third := await anext(followed)) is None:
            pass

    assert [visit and visit.request_id for visit in (first, second, third)] == ["1", "2", "3"]
    await followed.aclose()  # type: ignore[attr-defined]


async def test_a_large_log_is_rotated_and_the_oldest_file_removed(tmp_path: Path) -> None:
    access_log = log(tmp_path, b"", largest=10)
    with (tmp_path / "access.log").open("ab") as router:
        for number in range(6):
            router.write(line(request_id=str(number)))
            router.flush()
            await access_log.rotate()

    files = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    assert files == dict.fromkeys(("access.log.1", "access.log.2", "access.log.3"), 0o600) | {"access.log": 0o644}
    assert [visit.request_id for visit in await access_log.tail(10)] == ["3", "4", "5"]


async def test_a_small_log_is_not_rotated(tmp_path: Path) -> None:
    await log(tmp_path, line()).rotate()

    assert [path.name for path in tmp_path.iterdir()] == ["access.log"]


NOW = datetime(2026, 11, 25, 9, 12, 51, 715000, tzinfo=UTC)
BROKEN_OFF = [line(ended="SD--"), line(ended="sD--", status=206)]
NOT_BROKEN_OFF = [
    line(), line(ended="CD--"), line(ended="cD--"), line(ended="KD--"), line(ended="SH--", status=502),
    line(ended="SD--", status=101), line(ended="SD--", target="blog/v1:1"),
]  # fmt: skip


async def test_aborted_answers_are_counted_in_all_rotated_files(tmp_path: Path) -> None:
    (tmp_path / "access.log.1").write_bytes(b"".join([*BROKEN_OFF, *NOT_BROKEN_OFF]))
    subject = log(tmp_path, b"".join([*NOT_BROKEN_OFF, *BROKEN_OFF]) + line() * 1000)

    assert await subject.cut("shop", NOW, 42) == CutVisits(broken_off=2 * len(BROKEN_OFF), ended=2)
    assert await subject.cut("shop", NOW + timedelta(seconds=1), 42) == CutVisits(broken_off=0, ended=0)
    assert await subject.cut("zoo", NOW, 1) == CutVisits(broken_off=0, ended=0)


@pytest.mark.parametrize(
    ("ended", "status", "is_lost"),
    [
        ("----", 200, False), ("----", 500, False), ("SH--", 502, True), ("sH--", 504, True), ("PH--", 502, True),
        ("SC--", 503, True), ("SD--", 200, True), ("sD--", 200, True), ("CH--", 200, False), ("CD--", 200, False),
        ("cR--", 408, False), ("PR--", 400, False), ("LR--", 503, False), ("KD--", 200, False), ("SD--", 101, False),
    ],
)  # fmt: skip
def test_an_aborted_answer_is_distinguished_from_a_client_that_disconnected(
    ended: str, status: int, is_lost: bool
) -> None:
    visit = parse(line(ended=ended, status=status))

    assert visit is not None
    assert visit.is_lost is is_lost
