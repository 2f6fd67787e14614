"""Contract of the ``job_log`` port."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from pvdify.adapters.files.job_log import FileJobLog
from pvdify.model.instance import LogLine
from pvdify.ports.job_log import JobLog
from tests.fakes.job_log import FakeJobLog

AT = datetime(2026, 11, 25, 12, tzinfo=UTC)
LINES = tuple(LogLine(at=AT, instance="pvdify-shop-report-job-1", stream="stdout", text=f"☃ {n}") for n in range(5))


@pytest.fixture(params=["fake", "files"])
def log(request: pytest.FixtureRequest, tmp_path: Path) -> JobLog:
    return FakeJobLog() if request.param == "fake" else FileJobLog(tmp_path)


async def test_lines_are_returned_unchanged_and_in_order(log: JobLog):
    await log.append("shop", "report", 1, LINES[:2])
    await log.append("shop", "report", 1, LINES[2:])

    assert await log.read("shop", "report", 1) == LINES
    assert await log.read("shop", "report", 1, skip=3) == LINES[3:]


async def test_a_run_that_wrote_nothing_has_no_lines(log: JobLog):
    assert await log.read("shop", "report", 1) == ()


async def test_runs_up_to_a_number_are_forgotten_of_one_job_alone(log: JobLog):
    for number in (1, 2, 3):
        await log.append("shop", "report", number, LINES[:number])
    await log.append("shop", "mail", 1, LINES[:1])

    await log.forget("shop", "report", 2)
    await log.forget("shop", "never-there", 2)

    assert [len(await log.read("shop", "report", number)) for number in (1, 2, 3)] == [0, 0, 3]
    assert len(await log.read("shop", "mail", 1)) == 1
