"""Bad backups, each kind found by the next drill: restic, its repository, keys and databases are real."""

import asyncio
import shutil
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pvdify.engine.state.backups.tools import PASSWORD, credentials_of
from pvdify.model.backup import TaskState
from pvdify.model.instance import Secret
from tests.support.asking import ACTOR
from tests.support.backups import APP, BackupBench

pytestmark = [
    pytest.mark.slow, pytest.mark.skipif(shutil.which("restic") is None, reason="restic is not installed")
]  # fmt: skip
Sabotage = Callable[[BackupBench], Awaitable[None]]
LOOP = asyncio.new_event_loop()


@pytest.fixture(scope="module")
def proven(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BackupBench]:
    """A server with one backup that was proven."""
    bench = BackupBench(tmp_path_factory.mktemp("bench"))

    async def prepare() -> None:
        await bench.begin()
        backup = await bench.backup()
        assert not backup.cause, backup.cause
        task = await bench.drill()
        assert task.state is TaskState.SUCCEEDED, task.cause
        await bench.remember()

    LOOP.run_until_complete(prepare())
    yield bench
    LOOP.run_until_complete(bench.close())


def largest(folder: Path) -> Path:
    return max((path for path in folder.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)


def only(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def damage(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0xFF
    file.chmod(0o600)
    file.write_bytes(content)


def cut(file: Path) -> None:
    file.chmod(0o600)
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def at_target(change: Callable[[Path], object]) -> Sabotage:
    async def sabotage(bench: BackupBench) -> None:
        change(bench.target)

    return sabotage


def in_volume(change: Callable[[Path], object]) -> Sabotage:
    """The app's files are bad when the backup is made."""

    async def sabotage(bench: BackupBench) -> None:
        change(bench.content)
        await bench.backup()

    return sabotage


def in_data(change: Callable[[Path], object]) -> Sabotage:
    """The server's own data is bad when the backup is made."""

    async def sabotage(bench: BackupBench) -> None:
        change(bench.data_dir)
        await bench.backup()

    return sabotage


def a_file_instead(target: Path) -> None:
    shutil.rmtree(target)
    target.write_text("the disk is not mounted")


def all_empty(content: Path) -> None:
    for file in content.iterdir():
        if file.suffix == ".bin":
            file.write_bytes(b"")


def most_gone(content: Path) -> None:
    for file in sorted(content.glob("*.bin"))[1:]:
        file.unlink()


def everything_gone(content: Path) -> None:
    for file in content.iterdir():
        file.unlink()


def rows_gone(content: Path) -> None:
    with closing(sqlite3.connect(content / "app.db")) as database:
        database.execute("DELETE FROM orders")
        database.commit()


def page_overwritten(content: Path) -> None:
    file = content / "app.db"
    pages = bytearray(file.read_bytes())
    pages[3 * 4096 : 3 * 4096 + 400] = b"\x07" * 400
    file.write_bytes(pages)


def another_repository(target: Path) -> None:
    shutil.rmtree(target)
    shutil.copytree(other_repository(target.parent), target)


def other_repository(directory: Path) -> Path:
    return directory / "other"


async def with_other_repository(bench: BackupBench) -> None:
    """Create the target again with the same password, as an operator could."""
    shutil.rmtree(bench.target)
    bench.target.mkdir()
    kept = await bench.world.credentials.read(credentials_of(str(bench.target)))
    assert kept is not None
    from pvdify.ports.backups import BackupTarget

    target = BackupTarget(location=str(bench.target), password=kept[PASSWORD])
    await bench.tools.targets.open(target, may_create=True)


async def with_wrong_password(bench: BackupBench) -> None:
    await bench.world.credentials.write(credentials_of(str(bench.target)), {PASSWORD: Secret("not this one")})


async def without_password(bench: BackupBench) -> None:
    await bench.world.credentials.remove(credentials_of(str(bench.target)))


async def with_config_of_another_key(bench: BackupBench) -> None:
    """A config file that the key in the backup does not open: the key was exchanged by hand."""
    from pvdify.adapters.clock.clock import SystemClock
    from pvdify.adapters.files.whole_file import write_whole
    from pvdify.adapters.sops import age_keys
    from pvdify.adapters.sops.key_files import KeyFiles
    from pvdify.adapters.sops.vault import Vault

    other = bench.directory / "other-key"
    shutil.rmtree(other, ignore_errors=True)
    other.mkdir()
    keys = KeyFiles(directory=other, write_whole=write_whole)
    keys.write_identities((age_keys.make_identity(),))
    Vault((other,), keys, SystemClock()).seal(bench.data_dir / "config" / APP / "v1.sops.yaml", {"KEY": "x"})
    await bench.backup()


KINDS: dict[str, tuple[Sabotage, str]] = {
    "the target is not there": (at_target(shutil.rmtree), "could not be opened"),
    "the target is a file": (at_target(a_file_instead), "could not be opened"),
    "the target is empty": (at_target(lambda it: [shutil.rmtree(each) if each.is_dir() else each.unlink()
                                                   for each in it.iterdir()]), "could not be opened"),
    "another repository is at the target": (with_other_repository, "another repository is there"),
    "the repository's description is damaged": (at_target(lambda it: damage(it / "config")), "could not be opened"),
    "the repository's key is gone": (at_target(lambda it: shutil.rmtree(it / "keys")), "could not be opened"),
    "the repository's key is damaged": (at_target(lambda it: damage(only(it / "keys")[0])), "could not be opened"),
    "the password is another one": (with_wrong_password, "could not be opened"),
    "the password is gone": (without_password, "password of the backups"),
    "the newest backup is gone": (at_target(lambda it: [each.unlink() for each in only(it / "snapshots")]),
                                  "there is no backup at the target"),
    "a part of the backup is gone": (at_target(lambda it: only(it / "snapshots")[0].unlink()), "no longer at"),
    "a part's description is damaged": (at_target(lambda it: damage(only(it / "snapshots")[0])), "no longer at"),
    "the index is gone": (at_target(lambda it: [each.unlink() for each in only(it / "index")]), "read back"),
    "the index is damaged": (at_target(lambda it: damage(only(it / "index")[0])), "read back"),
    "a pack of data is gone": (at_target(lambda it: largest(it / "data").unlink()), "read back"),
    "a pack of data is cut": (at_target(lambda it: cut(largest(it / "data"))), "read back"),
    "a pack of data is damaged": (at_target(lambda it: damage(largest(it / "data"))), "read back"),
    "all data is gone": (at_target(lambda it: [each.unlink() for each in only(it / "data")]), "read back"),
    "the volume was empty": (in_volume(everything_gone), "it has 0 files"),
    "the files were empty": (in_volume(all_empty), "files with content"),
    "most files were gone": (in_volume(most_gone), "it has 2 files"),
    "the rows were gone": (in_volume(rows_gone), "it has 0 rows"),
    "the database was cut": (in_volume(lambda it: cut(it / "app.db")), "app.db is damaged"),
    "a page of the database was overwritten": (in_volume(page_overwritten), "app.db is damaged"),
    "the key of secrets was missing": (in_data(lambda it: (it / "age.key").unlink()), "age.key"),
    "the key of secrets was another one": (with_config_of_another_key, "cannot be opened with the key in it"),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_a_bad_backup_is_detected_by_the_next_drill(proven: BackupBench, kind: str) -> None:
    sabotage, words = KINDS[kind]

    async def drill() -> str:
        await proven.reset()
        await sabotage(proven)
        task = await proven.drill()
        assert task.state is TaskState.FAILED
        events = await proven.store.events()
        assert "backup.unproven" in [event.action for event in events[:2]]
        health = await proven.requests.health()
        assert health is not None
        assert health.problem
        newest = next((it for it in await proven.store.backups() if it.is_restorable), None)
        assert newest is None or newest.proof or newest.proven_at
        return task.cause

    cause = LOOP.run_until_complete(drill())

    assert words in cause, cause


def test_a_good_backup_is_verified_repeatedly(proven: BackupBench) -> None:
    async def drill() -> None:
        await proven.reset()
        await proven.backup()
        task = await proven.drill()
        assert task.state is TaskState.SUCCEEDED, task.cause
        newest = (await proven.store.backups())[0]
        assert newest.proven_at is not None
        assert [item.counts.rows for item in newest.items if item.counts and item.kind.value == "volume"] == [500]

    LOOP.run_until_complete(drill())


def test_an_intended_shrinkage_can_be_accepted(proven: BackupBench) -> None:
    async def drill() -> TaskState:
        await proven.reset()
        most_gone(proven.content)
        await proven.backup()
        await proven.requests.verify("", ACTOR, accepts_smaller=True)
        await proven.keeper.run_due()
        return (await proven.store.backup_tasks())[0].state

    assert LOOP.run_until_complete(drill()) is TaskState.SUCCEEDED
