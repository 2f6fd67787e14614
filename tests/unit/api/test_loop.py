"""No read of the API blocks the event loop; a watchdog names the frame that does."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from pvdify.adapters.sqlite.store import SqliteStore
from pvdify.api.application import build_application
from pvdify.model.token import Role
from tests.fakes.machine import Machine
from tests.support.asgi import ask
from tests.support.watchdog import most_seconds, watched
from tests.unit.api.conftest import ADMIN, IMAGE

APPS = 60
PATHS = (
    "/apps", "/apps/app-7", "/apps/app-7/releases", "/apps/app-7/releases/1", "/apps/app-7/processes", "/whoami",
    "/apps/app-7/config", "/apps/app-7/domains", "/tokens", "/status",
)  # fmt: skip


@pytest.fixture
async def many(tmp_path: Path) -> AsyncIterator[Any]:
    """Return a function that reads a path of an API with many apps on a real database."""
    machine, store = Machine(), SqliteStore(tmp_path / "pvdify.db")
    await store.open()
    assert store._connection is not None
    store._connection.execute("PRAGMA synchronous = OFF")
    machine.store = store  # type: ignore[assignment]
    machine.registry.push(IMAGE)
    daemon = machine.daemon()
    await asyncio.gather(*(daemon.deploy(f"app-{number}", image=IMAGE) for number in range(APPS)))
    _, token = await daemon.tokens.create("test", Role.ADMIN, None, None, ADMIN)
    application = build_application(daemon.engine, is_local=False)

    async def get(path: str) -> None:
        answer = await ask(application, "GET", f"/api/v1{path}", headers={"authorization": f"Bearer {token}"})
        assert answer.status == 200, path

    yield get, daemon
    await daemon.bury()
    await store.close()


async def test_no_read_holds_the_loop_for_more_than_ten_milliseconds(many: Any) -> None:
    get, daemon = many
    for path in PATHS:
        await get(path)  # imports and compilation of the first request are not measured

    tries = []
    for number in range(3):
        with watched(most_seconds()) as watchdog:
            await daemon.requests.set_maintenance(f"app-{number}", ADMIN, is_on=True)  # no cached answer is valid now
            for path in PATHS:
                await get(path)
        tries.append(watchdog.found)

    # The collection of this process's garbage may fall into one of them.
    assert not all(tries), "\n".join(found for each in tries for found in each)


async def test_the_watchdog_names_the_frame() -> None:
    most = most_seconds()

    async def hold() -> None:
        end = time.thread_time() + 4 * most
        while time.thread_time() < end or not watchdog.where:  # a busy machine delivers the signal late
            pass

    with watched(most) as watchdog:
        await asyncio.create_task(hold())

    (found,) = watchdog.found
    assert "in hold" in found
