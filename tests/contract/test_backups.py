"""The ``backups`` port: targets, against the fake and against restic with a directory."""

import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from pvdify.adapters.restic.targets import ResticTargets
from pvdify.adapters.subprocess.command_runner import SubprocessRunner
from pvdify.errors import BackupDamaged, BackupFailed, BackupTargetRefused, BackupTargetUnavailable
from pvdify.model.instance import Secret
from pvdify.ports.backups import BackupTarget, BackupTargets
from tests.fakes.backups import FakeBackups
from tests.fakes.clock import FakeClock
from tests.fakes.supervisor import FakeSupervisor

LABELS = {"server": "s", "backup": "20260101T030000", "kind": "volume", "app": "shop", "name": "data"}
HAS_RESTIC = shutil.which("restic") is not None


@pytest.fixture(
    params=[
        "fake",
        pytest.param("restic", marks=pytest.mark.skipif(not HAS_RESTIC, reason="restic is not installed")),
    ]
)
def targets(request: pytest.FixtureRequest, tmp_path: Path) -> BackupTargets:
    if request.param == "fake":
        return FakeBackups(FakeSupervisor(clock=FakeClock()))
    return ResticTargets(runner=SubprocessRunner(), cache=tmp_path / "cache", run_dir=tmp_path / "run")


@pytest.fixture
def target(tmp_path: Path) -> BackupTarget:
    (tmp_path / "place").mkdir()
    return BackupTarget(location=str(tmp_path / "place"), password=Secret("the password"))


async def stored(targets: BackupTargets, target: BackupTarget, tmp_path: Path) -> str:
    """Store a directory; its snapshot."""
    directory = tmp_path / "item"
    (directory / "data").mkdir(parents=True)
    (directory / "data" / "file").write_text("content")
    if isinstance(targets, FakeBackups):
        await targets.begin("item")
    return (await targets.store(target, directory, LABELS)).snapshot


async def test_a_target_is_created_once_and_opens_only_with_its_password(targets, target):
    with pytest.raises(BackupTargetUnavailable):
        await targets.open(target, may_create=False)

    made = await targets.open(target, may_create=True)

    assert await targets.open(target, may_create=True) == made
    assert await targets.open(target, may_create=False) == made
    with pytest.raises(BackupTargetRefused):
        await targets.open(replace(target, password=Secret("another")), may_create=True)


async def test_snapshots_are_listed_with_their_labels_until_they_are_forgotten(targets, target, tmp_path):
    await targets.open(target, may_create=True)
    assert await targets.list(target) == ()

    snapshot = await stored(targets, target, tmp_path)
    (found,) = await targets.list(target)
    await targets.forget(target, (snapshot,))

    assert (found.snapshot, dict(found.labels)) == (snapshot, LABELS)
    assert await targets.list(target) == ()


async def test_a_missing_snapshot_is_damage(targets, target, tmp_path):
    await targets.open(target, may_create=True)
    await stored(targets, target, tmp_path)
    (tmp_path / "back").mkdir()

    with pytest.raises(BackupDamaged):
        await targets.fetch(target, "deadbeef", tmp_path / "back")


async def pieces(*parts: bytes, fails: Exception | None = None) -> AsyncIterator[bytes]:
    for part in parts:
        yield part
    if fails is not None:
        raise fails


async def test_a_stored_stream_is_returned_unchanged(targets, target):
    await targets.open(target, may_create=True)
    parts = [bytes([number]) * 100_000 for number in range(20)]

    stored = await targets.store_stream(target, pieces(*parts), LABELS)
    (found,) = await targets.list(target)
    back = b"".join([piece async for piece in targets.fetch_stream(target, stored.snapshot)])

    assert back == b"".join(parts)
    assert dict(found.labels) == LABELS


async def test_an_interrupted_stream_is_not_stored(targets, target):
    await targets.open(target, may_create=True)

    with pytest.raises(BackupFailed):
        await targets.store_stream(target, pieces(b"a" * 100_000, fails=BackupFailed("it broke off")), LABELS)

    assert await targets.list(target) == ()
    assert (await targets.store_stream(target, pieces(b"whole"), LABELS)).snapshot


async def test_a_stream_that_the_target_does_not_have_is_damage(targets, target):
    await targets.open(target, may_create=True)

    with pytest.raises(BackupDamaged):
        assert [piece async for piece in targets.fetch_stream(target, "deadbeef")]


async def test_a_target_with_another_password_refuses_streams(targets, target):
    await targets.open(target, may_create=True)

    with pytest.raises(BackupTargetRefused):
        await targets.store_stream(replace(target, password=Secret("another")), pieces(b"a" * 5_000_000), LABELS)
