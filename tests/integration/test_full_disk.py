"""A full disk of the data directory: a small file system in memory is filled."""

import asyncio
import os
import signal
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pvdify.adapters.clock.clock import SystemClock
from pvdify.adapters.files.deploy_log import FileDeployLog
from pvdify.adapters.files.reserve import Reserve
from pvdify.adapters.haproxy.access_log import AccessLogFile
from pvdify.adapters.haproxy.router import HaproxyRouter
from pvdify.adapters.sqlite.store import SqliteStore
from pvdify.cli.exit_codes import exit_code
from pvdify.errors import PvdifyError, RouterDiskFull, StoreDiskFull
from pvdify.model.deploy_log import EntryKind, LogEntry
from pvdify.model.event import Event
from pvdify.model.route import Route
from pvdify.settings import Address
from tests.support.endpoints import here
from tests.support.waiting import until
from tests.support.writers import WRITERS, Writer
from tools.free_port import free_port

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
PIECE = 65536


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MiB."""
    place = tmp_path / "disk"
    place.mkdir()
    argv = ("mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(place))
    if os.geteuid() != 0 or subprocess.run(argv, check=False, capture_output=True).returncode != 0:
        pytest.skip("needs root, and the right to mount")
    yield place
    subprocess.run(("umount", "--lazy", str(place)), check=True)


def fill(place: Path) -> None:
    descriptor = os.open(place / "ballast", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        for size in (PIECE, 4096):
            try:
                while True:
                    os.write(descriptor, bytes(size))
            except OSError:
                continue
    finally:
        os.close(descriptor)


def event(size: int) -> Event:
    return Event(at=NOW, actor="ci", action="app.created", app="shop", text="x" * size)


async def test_the_database_names_the_cause_and_works_again_once_there_is_room(disk: Path) -> None:
    store = SqliteStore(disk / "pvdify.db")
    await store.open()
    fill(disk)

    with pytest.raises(StoreDiskFull) as raised:
        await store.save(event(1_000_000))
    read_meanwhile = await store.events()
    (disk / "ballast").unlink()
    await store.save(event(1))

    assert raised.value.why.startswith("no space is left on the disk")
    assert read_meanwhile == ()
    assert len(await store.events()) == 1
    await store.close()


async def test_the_reserve_has_room_to_record_work_under_way(disk: Path) -> None:
    reserve = Reserve(disk, size=1024 * 1024)
    store = SqliteStore(disk / "pvdify.db", reserve.release)
    await store.open()
    reserve.make()
    fill(disk)

    await store.save(event(100_000))

    assert len(await store.events()) == 1
    assert not (disk / "reserve").exists()
    await store.close()


async def test_a_dead_router_is_started_again_and_keeps_its_routes(disk: Path, tmp_path: Path) -> None:
    port = free_port()
    router = HaproxyRouter(
        directory=disk / "router", run_dir=tmp_path / "run", listen=Address(host="127.0.0.1", port=port),
        binary="", clock=SystemClock(),
    )  # fmt: skip
    await router.ensure_running()
    try:
        await router.put(Route(app="shop", hostnames=("shop.test",), slot=1, targets=here(9)))
        fill(disk)
        kill(disk / "router")

        await router.wait_died()
        await router.ensure_running()

        assert (await router.routes()) != {}
        with pytest.raises(RouterDiskFull):
            await router.put(Route(app="other", hostnames=("other.test",), slot=1, targets=here(10)))
    finally:
        kill(disk / "router")
        await router.close()


async def test_a_full_disk_for_the_access_log_fails_no_request(disk: Path, tmp_path: Path) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
        writer.close()

    app = await asyncio.start_server(answer, "127.0.0.1", 0)
    listen = Address(host="127.0.0.1", port=free_port())
    router = HaproxyRouter(
        directory=disk / "router", run_dir=tmp_path / "run", listen=listen, binary="", clock=SystemClock()
    )
    log = AccessLogFile(disk / "router", clock=SystemClock(), largest=1)
    await router.ensure_running()
    try:
        port = app.sockets[0].getsockname()[1]
        await router.put(Route(app="shop", hostnames=("shop.test",), slot=1, targets=here(port)))
        before = [(await router.ask("shop.test", "/", 5.0))[0].status for _ in range(5)]
        await until(lambda: lines_from(log, 5), "the first visits are not in the log")
        fill(disk)

        meanwhile = [(await router.ask("shop.test", "/", 5.0))[0].status for _ in range(50)]
        await log.rotate()
        kept = await log.tail(1000)
        (disk / "ballast").unlink()
        after = [(await router.ask("shop.test", "/", 5.0))[0].status for _ in range(5)]
        await until(lambda: lines_from(log, len(kept) + 4))  # the first one continues the line that was cut
        await log.rotate()
    finally:
        kill(disk / "router")
        await router.close()
        app.close()

    assert before + meanwhile + after == [200] * 60
    assert len(kept) >= 5
    assert len(await log.tail(1000)) >= len(kept) + 4


async def lines_from(log: AccessLogFile, number: int) -> bool:
    """Whether the log has this many lines."""
    return len(await log.tail(1000)) >= number


@pytest.mark.parametrize("writer", WRITERS, ids=lambda it: it.__name__)
async def test_a_file_that_does_not_fit_is_an_error_and_leaves_nothing(disk: Path, writer: Writer) -> None:
    place = disk / "place"
    place.mkdir()
    work = writer(place)
    before = sorted(it for it in place.rglob("*") if it.is_file())
    fill(disk)

    with pytest.raises(PvdifyError) as raised:
        await work()

    assert raised.value.why.startswith("no space is left on the disk")
    assert exit_code(raised.value) == 9
    assert sorted(it for it in place.rglob("*") if it.is_file()) == before
    (disk / "ballast").unlink()
    await work()


async def test_log_lines_are_buffered_until_the_disk_has_space(disk: Path) -> None:
    log = FileDeployLog(disk / "logs")
    entries = [LogEntry(at=NOW, kind=EntryKind.OUTPUT, text=f"{number} {'x' * 1000}") for number in range(30)]
    await log.append("shop", 1, *entries[:10])
    fill(disk)

    for entry in entries[10:20]:
        await log.append("shop", 1, entry)
    meanwhile = await log.read("shop", 1)
    (disk / "ballast").unlink()
    await log.append("shop", 1, *entries[20:])

    assert len(meanwhile) < 20
    assert await log.read("shop", 1) == tuple(entries)


def kill(directory: Path) -> None:
    for each in Path("/proc").glob("[0-9]*"):
        try:
            words = (each / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if str(directory).encode() in words and b"haproxy" in words[0]:
            os.kill(int(each.name), signal.SIGKILL)
