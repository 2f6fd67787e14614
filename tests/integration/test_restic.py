"""What only a real restic can show: locks of killed processes, and where its password and keys are."""

import asyncio
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from pvdify.adapters.restic.targets import ResticTargets
from pvdify.adapters.subprocess.command_runner import SubprocessRunner
from pvdify.errors import BackupTargetRefused, BackupTargetUnavailable
from pvdify.model.instance import Secret
from pvdify.plumbing.command_runner import Argv, Completed
from pvdify.ports.backups import BackupTarget
from tests.support.object_store import ObjectStore
from tools.free_port import free_port

pytestmark = pytest.mark.skipif(shutil.which("restic") is None, reason="restic is not installed")
PASSWORD = "a password that nothing may show"


class NotingRunner(SubprocessRunner):
    """A real runner that remembers arguments."""

    def __init__(self) -> None:
        self.seen: list[Argv] = []

    async def run(self, argv: Argv, **options) -> Completed:
        self.seen.append(argv)
        return await super().run(argv, **options)


@pytest.fixture
def runner() -> NotingRunner:
    return NotingRunner()


@pytest.fixture
def targets(tmp_path: Path, runner: NotingRunner) -> ResticTargets:
    return ResticTargets(runner=runner, cache=tmp_path / "cache", run_dir=tmp_path / "run")


@pytest.fixture
def target(tmp_path: Path) -> BackupTarget:
    (tmp_path / "repository").mkdir()
    return BackupTarget(location=str(tmp_path / "repository"), password=Secret(PASSWORD))


@pytest.fixture
def content(tmp_path: Path) -> Path:
    (tmp_path / "content" / "data").mkdir(parents=True)
    (tmp_path / "content" / "data" / "file").write_text("content")
    return tmp_path / "content"


async def test_stored_files_are_restored_and_no_argument_has_the_password(targets, target, content, runner, tmp_path):
    id = await targets.open(target, may_create=True)
    stored = await targets.store(target, content, {"server": "s", "kind": "volume", "app": "shop", "empty": ""})
    (found,) = await targets.list(target)
    (tmp_path / "back").mkdir()
    await targets.fetch(target, stored.snapshot, tmp_path / "back")
    size = await targets.size(target)
    await targets.forget(target, (stored.snapshot,))

    assert await targets.open(target, may_create=True) == id
    assert found.snapshot == stored.snapshot
    assert found.labels == {"server": "s", "kind": "volume", "app": "shop"}
    assert (tmp_path / "back" / "data" / "file").read_text() == "content"
    assert size > 0
    assert await targets.list(target) == ()
    assert PASSWORD not in str(runner.seen)


async def test_a_wrong_password_and_a_missing_place_are_distinguished(targets, target, tmp_path):
    await targets.open(target, may_create=True)
    other = BackupTarget(location=target.location, password=Secret("another"))

    with pytest.raises(BackupTargetRefused):
        await targets.open(other, may_create=True)
    with pytest.raises(BackupTargetUnavailable):
        await targets.open(BackupTarget(location=str(tmp_path / "none"), password=Secret("x")), may_create=False)


def whole(locks: Path) -> list[Path]:
    """Locks, without those that are being written."""
    return [path for path in locks.iterdir() if "-tmp-" not in path.name]


def stopped_with_a_lock(target: BackupTarget) -> "subprocess.Popen[bytes]":
    """A restic that has locked the target for itself alone, and stands still; it is short, so several are tried."""
    locks = Path(target.location, "locks")
    environment = {**os.environ, "RESTIC_REPOSITORY": target.location, "RESTIC_PASSWORD": PASSWORD}
    for _ in range(50):
        pruning = subprocess.Popen(("restic", "prune", "--no-cache"), env=environment, stdout=subprocess.DEVNULL)
        while pruning.poll() is None and not whole(locks):
            time.sleep(0.001)
        pruning.send_signal(signal.SIGSTOP)
        if pruning.poll() is None and whole(locks):
            return pruning
        pruning.kill()
        pruning.wait()
    raise AssertionError("no restic was stopped while it had a lock")


async def test_the_lock_of_a_killed_process_is_removed_and_that_of_a_living_one_stays(targets, target, content):
    await targets.open(target, may_create=True)
    await targets.store(target, content, {"server": "s"})
    locks = Path(target.location, "locks")
    pruning = stopped_with_a_lock(target)
    held = {path.name for path in whole(locks)}
    try:
        with pytest.raises(BackupTargetUnavailable, match="not stored"):
            await targets.store(target, content, {"server": "s"})
        assert {path.name for path in locks.iterdir()} >= held
    finally:
        pruning.kill()
        await asyncio.to_thread(pruning.wait)

    await targets.store(target, content, {"server": "s"})

    assert len(await targets.list(target)) == 2
    assert not held & {path.name for path in locks.iterdir()}


async def test_an_s3_compatible_place_takes_backups(targets, content, tmp_path):
    port = free_port()
    keys = {"AWS_ACCESS_KEY_ID": Secret("key"), "AWS_SECRET_ACCESS_KEY": Secret("secret")}
    target = BackupTarget(location=f"s3:http://127.0.0.1:{port}/backups", password=Secret(PASSWORD), keys=keys)
    with ObjectStore("127.0.0.1", port):
        await targets.open(target, may_create=True)
        stored = await targets.store(target, content, {"server": "s"})
        (tmp_path / "back").mkdir()
        await targets.fetch(target, stored.snapshot, tmp_path / "back")

    assert (tmp_path / "back" / "data" / "file").read_text() == "content"
