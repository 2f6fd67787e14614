"""A disk that is full, a process without descriptors, a disk that is broken: at each adapter that writes files."""

import asyncio
import errno
import os
import re
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from itertools import product
from pathlib import Path

import pytest

from pvdify.adapters.clock.clock import SystemClock
from pvdify.adapters.files import databases
from pvdify.adapters.files.deploy_log import FileDeployLog
from pvdify.adapters.files.job_log import FileJobLog
from pvdify.adapters.files.reserve import Reserve
from pvdify.adapters.haproxy.access_log import AccessLogFile
from pvdify.adapters.podman.instances.containers import PodmanContainers
from pvdify.adapters.podman.instances.instance_dir import InstanceDir
from pvdify.adapters.podman.logs.instance_logs import PodmanKeptOutput
from pvdify.adapters.podman.logs.last_lines import LastLines
from pvdify.adapters.podman.volumes.volumes import PodmanVolumes
from pvdify.adapters.subprocess.command_runner import SubprocessRunner
from pvdify.adapters.systemd.instance_logs import SystemdLogs
from pvdify.adapters.systemd.instances import SystemdInstances
from pvdify.adapters.systemd.journal import FORGOTTEN, Journal
from pvdify.adapters.systemd.systemctl import Systemctl
from pvdify.adapters.systemd.units import Units
from pvdify.cli.exit_codes import exit_code
from pvdify.client.saved_login import write_private
from pvdify.errors import PvdifyError, UnavailableError
from pvdify.model.deploy_log import EntryKind, LogEntry
from pvdify.model.instance import LogLine, Mount
from pvdify.plumbing.command_runner import Argv, Completed
from tests.support.breaking import CAUSES, MOMENTS, BrokenDisk
from tests.support.server_writers import SERVER_WRITERS
from tests.support.server_writers import WITHOUT as NOT_OF_THE_SERVER
from tests.support.writers import (
    WRITERS,
    NoPrograms,
    Work,
    Writer,
    calls,
    instance_directory,
    launcher,
    prepared_instance,
    registry_logins,
    spec,
    unit,
)

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
MOST_WRITES = 40
# These go with the instance, which the deploy that failed removes.
UNTIL_REMOVED = {f"instances/shop-web-v1-1/{name}" for name in ("environment", "grace")}
# These lie on tmpfs, which needs no fsync: nothing there outlives a boot.
WITHOUT = NOT_OF_THE_SERVER | {
    ("sync", writer) for writer in (registry_logins, instance_directory, launcher, prepared_instance, unit)
}


def names_below(place: Path) -> set[str]:
    """Return the names below a folder, without the time in names of folders moved aside."""
    return {re.sub(r"\d{8}T\d{6}", "", str(it.relative_to(place))) for it in files_below(place)}


def files_below(place: Path) -> list[Path]:
    return sorted(it for it in place.rglob("*") if it.is_file())


@pytest.mark.parametrize(("code", "cause", "exits_with"), CAUSES)
@pytest.mark.parametrize(
    ("moment", "writer"),
    [
        pytest.param(*it, id=f"{it[1].__name__}-{it[0]}")
        for it in product(MOMENTS, (*WRITERS, *SERVER_WRITERS))
        if it not in WITHOUT
    ],
)
async def test_a_failing_disk_is_named_and_no_partial_file_remains(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, writer: Writer, moment: str, code: int, cause: str,
    exits_with: int,
) -> None:  # fmt: skip
    place = tmp_path / "place"
    place.mkdir()
    work = writer(place)
    before = await asyncio.to_thread(files_below, place)
    disk = BrokenDisk(monkeypatch, place, code)
    disk.break_at(moment)

    with pytest.raises(PvdifyError) as raised:
        await work()

    assert disk.struck > 0
    assert raised.value.why.startswith(cause)
    assert exit_code(raised.value) == exits_with
    assert await asyncio.to_thread(files_below, place) == before


@pytest.mark.parametrize(
    ("moment", "writer"),
    [pytest.param(*it, id=f"{it[1].__name__}-{it[0]}") for it in product(MOMENTS, (*WRITERS, *SERVER_WRITERS))],
)
async def test_each_later_write_of_the_same_work_fails_as_the_first_does(
    tmp_path: Path, moment: str, writer: Writer
) -> None:
    """What the writes before it have made may stay; no part of a file does."""
    (tmp_path / "whole" / "place").mkdir(parents=True)
    with suppress(Exception):  # programs that are not there: what is tried here are files
        await writer(tmp_path / "whole" / "place")()
    whole = names_below(tmp_path / "whole" / "place")

    for spared, (code, cause, _) in product(range(1, MOST_WRITES), CAUSES):
        place = tmp_path / f"{spared}-{code}" / "place"
        place.mkdir(parents=True)
        work = writer(place)
        allowed = names_below(place) | whole | UNTIL_REMOVED
        with pytest.MonkeyPatch.context() as patch:
            disk = BrokenDisk(patch, place, code, spared=spared)
            disk.break_at(moment)
            error = await error_of(work)
        if not disk.struck:
            return
        assert isinstance(error, PvdifyError), (spared, error)
        assert error.why.startswith(cause)
        assert names_below(place) - allowed == set()
    pytest.fail(f"{writer.__name__} writes more often than this test tries")


async def error_of(work: Work) -> Exception | None:
    try:
        await work()
    except Exception as error:
        return error
    return None


LINE = LogLine(at=NOW, instance="shop", stream="stdout", text="one")
ENTRY = LogEntry(at=NOW, kind=EntryKind.OUTPUT, text="one")


async def deploy_log(place: Path) -> tuple[Work, Work]:
    log = FileDeployLog(place)
    return lambda: log.append("shop", 1, ENTRY), lambda: log.read("shop", 1)


async def job_log(place: Path) -> tuple[Work, Work]:
    log = FileJobLog(place)
    return lambda: log.append("shop", "report", 1, [LINE]), lambda: log.read("shop", "report", 1)


@pytest.mark.parametrize(("code", "cause", "exits_with"), CAUSES)
@pytest.mark.parametrize("kind", [deploy_log, job_log])
async def test_log_lines_are_buffered_while_the_disk_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: Callable[[Path], Awaitable[tuple[Work, Work]]], code: int,
    cause: str, exits_with: int,
) -> None:  # fmt: skip
    append, read = await kind(tmp_path)
    await append()
    disk = BrokenDisk(monkeypatch, tmp_path, code)
    disk.break_at("open")

    await append()
    await append()
    meanwhile = await read()
    disk.is_broken = False
    await append()

    assert disk.struck == 2
    assert (len(meanwhile), len(await read())) == (1, 4)  # type: ignore[arg-type]


async def test_what_waits_for_the_disk_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = FileDeployLog(tmp_path)
    disk = BrokenDisk(monkeypatch, tmp_path, errno.ENOSPC)
    disk.break_at("open")

    for _ in range(400):
        await log.append("shop", 1, LogEntry(at=NOW, kind=EntryKind.OUTPUT, text="x" * 1000))
    disk.is_broken = False
    await log.append("shop", 1, ENTRY)

    kept = await log.read("shop", 1)
    assert 200 < len(kept) < 300
    assert kept[-1] == ENTRY


@pytest.mark.parametrize(("code", "cause", "exits_with"), CAUSES)
@pytest.mark.parametrize("moment", ["open", "rename"])
async def test_a_mark_that_cannot_be_written_is_effective_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str, code: int, cause: str, exits_with: int
) -> None:
    """An app of the same name must not see what the one before it wrote."""
    entry = '{"__REALTIME_TIMESTAMP": "1000000", "CONTAINER_TAG": "shop-web-v1-1.s", "MESSAGE": "secret"}'
    programs = NoPrograms(entry)
    systemctl = Systemctl(runner=programs)  # type: ignore[arg-type]
    journal = Journal(  # type: ignore[arg-type]
        runner=programs, systemctl=systemctl, server_id="s", log_dir=tmp_path, ends=LastLines(run_dir=tmp_path),
        clock=SystemClock(),
    )  # fmt: skip
    before = await journal.tail(["shop-web-v1-1"], 10, None)
    disk = BrokenDisk(monkeypatch, tmp_path, code)
    disk.break_at(moment)

    await journal.forget("shop")
    meanwhile, left = await journal.tail(["shop-web-v1-1"], 10, None), files_below(tmp_path)
    disk.is_broken = False
    after = await journal.tail(["shop-web-v1-1"], 10, None)

    assert [line.text for line in before] == ["secret"]
    assert (meanwhile, after, left) == ((), (), [])
    assert files_below(tmp_path) == [tmp_path / FORGOTTEN / "shop"]


@pytest.mark.parametrize(("code", "cause", "exits_with"), CAUSES)
@pytest.mark.parametrize("moment", ["open", "rename"])
async def test_a_failed_rotation_of_the_access_log_loses_no_more_than_a_successful_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str, code: int, cause: str, exits_with: int
) -> None:
    names = ("access.log", "access.log.1", "access.log.2", "access.log.3")
    for name in names:
        (tmp_path / name).write_text(f"{name} has this\n")
    log = AccessLogFile(tmp_path, clock=SystemClock(), largest=1)
    disk = BrokenDisk(monkeypatch, tmp_path, code)
    disk.break_at(moment)

    for _ in range(5):
        await log.rotate()
    kept = {it.name: it.read_text() for it in tmp_path.iterdir()}
    disk.is_broken = False
    await log.rotate()

    assert {"access.log", "access.log.1", "access.log.2"} <= kept.keys()
    assert all(kept[name] == f"{name} has this\n" for name in names[:3])
    assert [(tmp_path / name).read_text().split(" ")[0] for name in names] == ["", *names[:3]]


@pytest.mark.parametrize(
    ("words", "cause", "exits_with"),
    [
        ("Error: mkdir /var/lib/containers/x: no space left on device", "no space is left on the disk", 9),
        ("Error: write /var/lib/containers/x: disk quota exceeded", "no space is left on the disk", 9),
        ("Error: open /var/lib/containers/x: too many open files", "no file descriptor is left", 1),
        ("Error: read /var/lib/containers/x: input/output error", "the disk fails to read or write", 1),
    ],
)
async def test_a_volume_that_podman_cannot_create_reports_the_cause(words: str, cause: str, exits_with: int) -> None:
    async def refuse(argv: Argv) -> Completed:
        return Completed(argv=argv, exit_code=1 if "exists" in argv else 125, stdout="", stderr=words)

    volumes = PodmanVolumes(run=refuse, server_id="s", binary="podman")

    with pytest.raises(UnavailableError) as raised:
        await volumes.ensure(replace(spec(), mounts=(Mount(path="/data", volume="1"),)))

    assert raised.value.why.startswith(cause)
    assert exit_code(raised.value) == exits_with


async def test_a_stop_continues_if_its_grace_period_cannot_be_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = NoPrograms()
    systemctl = Systemctl(runner=programs)  # type: ignore[arg-type]
    journal = Journal(  # type: ignore[arg-type]
        runner=programs, systemctl=systemctl, server_id="s", log_dir=tmp_path, ends=LastLines(run_dir=tmp_path),
        clock=SystemClock(),
    )  # fmt: skip
    logs = SystemdLogs(journal, PodmanKeptOutput(run_dir=tmp_path, clock=SystemClock()))
    supervisor = SystemdInstances(
        containers=PodmanContainers(calls=calls(tmp_path), run_dir=tmp_path, clock=SystemClock()), systemctl=systemctl,
        logs=logs, run_dir=tmp_path, server_id="s",
        units=Units(server_id="s", run_dir=tmp_path, directory=tmp_path / "units"),
    )  # fmt: skip
    await supervisor.create(spec())
    disk = BrokenDisk(monkeypatch, tmp_path / "instances", errno.ENOSPC)
    disk.break_at("open")

    await supervisor.stop("shop-web-v1-1", 3.0)

    assert disk.struck > 0
    assert any("stop" in argv for argv in programs.asked)


async def test_running_out_of_descriptors_is_not_reported_as_a_missing_program(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails(*_: object, **__: object) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(asyncio, "create_subprocess_exec", fails)

    with pytest.raises(UnavailableError) as raised:
        await SubprocessRunner().run(("podman", "info"))

    assert raised.value.why == "no file descriptor is left"
    assert "install" not in raised.value.next


async def test_a_restart_succeeds_although_its_count_cannot_be_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = InstanceDir(tmp_path / "shop-web-v1-1")
    files.write({})
    disk = BrokenDisk(monkeypatch, tmp_path, errno.ENOSPC)
    disk.break_at("open")

    files.count_restart()

    assert (disk.struck, files.restarts) == (1, 0)


@pytest.mark.parametrize(("code", "cause", "exits_with"), CAUSES)
@pytest.mark.parametrize("moment", ["open", "rename"])
async def test_a_failed_save_of_a_login_leaves_no_temporary_file_with_the_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str, code: int, cause: str, exits_with: int
) -> None:
    disk = BrokenDisk(monkeypatch, tmp_path, code)
    disk.break_at(moment)

    with pytest.raises(OSError, match=os.strerror(code)):
        write_private(tmp_path / "login.json", "token")

    assert (disk.struck, files_below(tmp_path)) == (1, [])


def test_a_full_disk_is_not_reported_as_a_damaged_database_in_a_backup(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_full(*_: object, **__: object) -> sqlite3.Connection:
        error = sqlite3.OperationalError("database or disk is full")
        error.sqlite_errorcode = sqlite3.SQLITE_FULL
        raise error

    (tmp_path / "copy").write_bytes(databases.MAGIC)
    monkeypatch.setattr(sqlite3, "connect", is_full)

    with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
        databases.check(tmp_path / "copy", tmp_path)


@pytest.mark.parametrize(("code", "cause", "exits_with"), CAUSES)
@pytest.mark.parametrize("moment", ["open", "rename"])
async def test_a_log_that_cannot_be_moved_stays_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str, code: int, cause: str, exits_with: int
) -> None:
    log = FileDeployLog(tmp_path)
    await log.append("shop", 1, ENTRY)
    before = await asyncio.to_thread(files_below, tmp_path)
    disk = BrokenDisk(monkeypatch, tmp_path, code)
    disk.break_at(moment)

    await log.rename("shop", "store")
    meanwhile = await asyncio.to_thread(files_below, tmp_path)
    disk.is_broken = False
    await log.rename("shop", "store")

    assert (disk.struck, meanwhile) == (1, before)
    assert await log.read("store", 1) == (ENTRY,)


@pytest.mark.parametrize(("code", "cause", "exits_with"), CAUSES)
async def test_a_reserve_that_cannot_be_allocated_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, cause: str, exits_with: int
) -> None:
    def fails(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "posix_fallocate", fails)

    Reserve(tmp_path, size=65536).make()

    assert files_below(tmp_path) == []
