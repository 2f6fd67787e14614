import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pvdify.adapters.podman.logs import output
from pvdify.model.instance import LogLine
from tests.fakes.clock import FakeClock

AT = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
NAME = "pvdify-shop-pre_deploy-v1-1"


def record(text: str, *, flag: str = "F") -> str:
    return f"{AT.isoformat()} stdout {flag} {text}\n"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(settle=0.005)  # reading happens in a thread


async def read(file: Path, clock: FakeClock) -> list[LogLine]:
    ended = asyncio.Event()
    ended.set()
    return [line async for batch in output.read(file, NAME, ended, clock) for line in batch]


async def test_everything_is_read_after_the_end_with_the_line_that_was_not_ended(tmp_path, clock):
    file = tmp_path / "output"
    file.write_text(record("one") + record("two") + record("migration 7 failed", flag="P"))

    lines = await read(file, clock)

    assert [line.text for line in lines] == ["one", "two", "migration 7 failed"]


async def test_lines_come_in_batches_while_it_runs_and_dots_after_a_second(tmp_path, clock):
    file, ended, batches = tmp_path / "output", asyncio.Event(), []
    file.write_text("".join(record(f"line {number}") for number in range(500)) + record("...", flag="P"))

    async def follow() -> None:
        async for batch in output.read(file, NAME, ended, clock):
            batches.append([line.text for line in batch])

    following = asyncio.create_task(follow())
    await clock.sleep(2)
    before = list(batches)
    ended.set()
    await following

    assert [len(batch) for batch in before] == [500, 1]
    assert before[1] == ["..."]
    assert batches == before


async def test_the_middle_of_very_long_output_is_left_out_and_a_line_says_so(tmp_path, clock, monkeypatch):
    monkeypatch.setattr(output, "MOST_FIRST", 10_000)
    monkeypatch.setattr(output, "MOST_LAST", 5_000)
    file = tmp_path / "output"
    file.write_text(
        "".join(record(f"{number:07} {'x' * 92}") for number in range(20_000)) + record("the end", flag="P")
    )

    texts = [line.text for line in await read(file, clock)]

    (place,) = [at for at, text in enumerate(texts) if text.startswith("…")]
    assert texts[place] == "… 2.0 MB of output left out"
    assert [int(text[:7]) for text in texts[:place]] == list(range(place))
    assert texts[-2].startswith("0019999 ")
    assert texts[-1] == "the end"
    assert sum(map(len, texts)) < 16_000
