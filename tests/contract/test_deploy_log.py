"""Contract of the ``deploy_log`` port."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pvdify.adapters.files.deploy_log import FileDeployLog
from pvdify.model.deploy_log import EntryKind, LogEntry
from pvdify.ports.deploy_log import DeployLog
from tests.fakes.deploy_log import FakeDeployLog

AT = datetime(2026, 11, 25, 12, tzinfo=UTC)
ENTRIES = tuple(
    LogEntry(at=AT, kind=kind, step="pull", text=f"line {number} ☃", seconds=0.5 * number, source="web.1")
    for number, kind in enumerate(EntryKind)
)


@pytest.fixture(params=["fake", "files"])
def log(request: pytest.FixtureRequest, tmp_path: Path) -> DeployLog:
    return FakeDeployLog() if request.param == "fake" else FileDeployLog(tmp_path)


async def test_entries_are_returned_unchanged_and_in_order(log: DeployLog):
    await log.append("shop", 1, *ENTRIES[:2])
    await log.append("shop", 1, *ENTRIES[2:])

    assert await log.read("shop", 1) == ENTRIES
    assert await log.read("shop", 1, skip=1, most=2) == ENTRIES[1:3]
    assert await log.read("shop", 1, skip=99) == ()


async def test_logs_of_releases_and_apps_are_separate(log: DeployLog):
    await log.append("shop", 1, ENTRIES[0])

    assert await log.read("shop", 2) == await log.read("blog", 1) == ()


async def test_a_watch_ends_with_the_next_entry(log: DeployLog):
    grown, other = log.watch("shop", 1), log.watch("shop", 2)

    await log.append("shop", 1, ENTRIES[0])

    await asyncio.wait_for(grown.wait(), 100)
    assert not other.is_set()
    assert not log.watch("shop", 1).is_set()


async def test_a_watch_ends_with_the_log(log: DeployLog):
    grown = log.watch("shop", 1)

    log.end("shop", 1)

    await asyncio.wait_for(grown.wait(), 100)
    assert await log.read("shop", 1) == ()


async def test_logs_of_an_app_are_removed(log: DeployLog):
    await log.append("shop", 1, ENTRIES[0])
    await log.append("blog", 1, ENTRIES[0])

    await log.remove("shop")
    await log.remove("never-there")

    assert await log.read("shop", 1) == ()
    assert await log.read("blog", 1) == ENTRIES[:1]
