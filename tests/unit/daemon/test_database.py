"""pvdifyd starts with its own undamaged database, or with an empty one if no server was here before."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from itertools import takewhile
from pathlib import Path

import pytest

from pvdify.adapters.files.earlier_life import DatabaseCopy, newest_copy
from pvdify.adapters.sqlite.queries import migrations
from pvdify.daemon import database
from pvdify.daemon.database import begin_anew, open_database
from pvdify.errors import DatabaseExists, DatabaseMissing, StoreDamaged
from pvdify.installation.doctor.observe import _database_trouble as observed_trouble
from pvdify.model.database import DatabaseIdentity
from pvdify.settings import Settings, load

NO_PODMAN = "/nonexistent/podman"
BEFORE_IDS = tuple(takewhile(lambda script: "CREATE TABLE identity" not in script, migrations()))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    directory = tmp_path / "data"
    directory.mkdir()
    return load({"data_dir": str(directory), "podman_binary": NO_PODMAN}, {}, Path("/nonexistent"))


async def started(settings: Settings) -> DatabaseIdentity:
    store, identity = await open_database(settings)
    await store.close()
    return identity


def files(settings: Settings) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(settings.data_dir.rglob("*")) if path.is_file()}


async def test_the_first_start_creates_a_database_with_a_permanent_id(settings: Settings):
    first = await started(settings)

    assert len(first.id) == 16
    assert not first.is_apart
    assert await started(settings) == first
    assert (settings.data_dir / "database.id").read_text() == f"{first.id}\n"


@pytest.mark.parametrize(
    ("trace", "content", "said"),
    [
        ("database.id", "0123456789abcdef\n", "the id of its database"),
        ("age.key", "AGE-SECRET-KEY-1", "the key of its secrets (age.key)"),
        ("config/shop/v1.sops.yaml", "A: b", "1 config files (config/)"),
        ("credentials/registry.sops.yaml", "A: b", "1 credentials (credentials/)"),
        ("router/hosts.map", "www.example.com shop\nshop.example.com shop\nblog.example.com blog\n", "blog, shop"),
    ],
)
@pytest.mark.parametrize("is_empty_file", [False, True])
async def test_files_of_an_earlier_server_without_its_database_are_refused(
    settings: Settings, trace: str, content: str, said: str, is_empty_file: bool
):
    (settings.data_dir / trace).parent.mkdir(parents=True, exist_ok=True)
    (settings.data_dir / trace).write_text(content)
    if is_empty_file:
        (settings.data_dir / "pvdify.db").touch()
    before = files(settings)

    with pytest.raises(DatabaseMissing) as refused:
        await open_database(settings)

    assert said in refused.value.why
    assert "pvdify server restore FILE" in refused.value.next
    assert "--new-database" in refused.value.next
    assert files(settings) == before
    assert said in observed_trouble(settings.data_dir)


async def test_containers_of_an_earlier_server_without_its_database_are_refused(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    async def two(settings: Settings) -> tuple[str, ...]:  # podman is not there in a unit test
        return ("pvdify-shop-web-v1-1", "pvdify-shop-web-v1-2")

    monkeypatch.setattr(database, "containers_here", two)

    with pytest.raises(DatabaseMissing, match="has run before") as refused:
        await open_database(settings)

    assert refused.value.why == "found: 2 containers (pvdify-shop-web-v1-1, pvdify-shop-web-v1-2)"


async def test_files_of_a_first_start_do_not_count_as_an_earlier_server(settings: Settings):
    for name in ("config", "logs", "router"):
        (settings.data_dir / name).mkdir()
    for name in ("hosts.map", "live.map"):
        (settings.data_dir / "router" / name).touch()
    (settings.data_dir / "github-webhook.secret").write_text("made before the database")

    assert (await started(settings)).id


def damage(settings: Settings) -> None:
    file = settings.data_dir / "pvdify.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        for number in range(2000):
            row = ("2026", "ci", "deploy.live", f"app-{number}", number, "x" * 100)
            connection.execute("INSERT INTO events (at, actor, action, app, release, text) VALUES (?,?,?,?,?,?)", row)
        connection.commit()
    content = bytearray(file.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 8192] = b"\xff" * 8192
    file.write_bytes(content)


async def test_a_damaged_database_is_refused_unchanged_and_names_the_newest_backup(settings: Settings, tmp_path: Path):
    await started(settings)
    damage(settings)
    backup = tmp_path / "yesterday.tar.gz"
    backup.touch()
    (settings.data_dir / "last-backup").write_text(f"{backup}\n")
    before = files(settings)

    with pytest.raises(StoreDamaged) as refused:
        await open_database(settings)

    assert f"`pvdify server restore {backup}` restores the newest backup" in refused.value.next
    assert files(settings) == before
    assert "is damaged" in observed_trouble(settings.data_dir)
    assert newest_copy(settings.data_dir) == DatabaseCopy(
        file=backup, made_at=datetime.fromtimestamp(backup.stat().st_mtime, UTC), is_backup=True
    )


async def test_a_file_that_is_no_database_is_damaged(settings: Settings):
    (settings.data_dir / "pvdify.db").write_text("plain text " * 1000)

    with pytest.raises(StoreDamaged, match="is damaged"):
        await open_database(settings)


async def test_without_a_backup_the_copy_of_the_last_upgrade_is_named(settings: Settings):
    await started(settings)
    copy = settings.data_dir / "pvdify.db.before-v12"
    copy.touch()
    (settings.data_dir / "pvdify.db").unlink()

    with pytest.raises(DatabaseMissing) as refused:
        await open_database(settings)

    assert str(copy) in refused.value.next


async def test_a_database_with_another_id_is_refused(settings: Settings):
    first = await started(settings)
    (settings.data_dir / "database.id").write_text("0123456789abcdef\n")

    with pytest.raises(DatabaseMissing, match="is not the one that was here") as refused:
        await open_database(settings)

    assert refused.value.why == f"found: its id is {first.id}, and database.id has 0123456789abcdef"


async def test_a_database_without_an_id_gets_the_directorys_or_a_new_one(settings: Settings):
    file = settings.data_dir / "pvdify.db"
    for expected in (None, "0123456789abcdef"):
        with closing(sqlite3.connect(file)) as earlier:
            for number, script in enumerate(BEFORE_IDS, start=1):
                earlier.executescript(f"{script}\nPRAGMA user_version = {number};")
        if expected:
            (settings.data_dir / "database.id").write_text(f"{expected}\n")

        identity = await started(settings)

        assert identity.id == (expected or identity.id)
        assert identity.owns("")
        assert await started(settings) == identity
        for path in (file, settings.data_dir / "database.id"):
            path.unlink()


async def test_starting_over_moves_old_files_aside_and_destroys_nothing(settings: Settings):
    first = await started(settings)
    (settings.data_dir / "config" / "shop").mkdir(parents=True)
    (settings.data_dir / "config" / "shop" / "v1.sops.yaml").write_text("A: b")
    (settings.data_dir / "age.key").write_text("AGE-SECRET-KEY-1")
    damage(settings)
    damaged = (settings.data_dir / "pvdify.db").read_bytes()

    await begin_anew(settings)

    second = await started(settings)
    assert second.id != first.id
    assert second.is_apart
    assert not second.owns(first.id)
    assert not second.owns("")
    (aside,) = settings.data_dir.glob("before-new-database-*")
    assert (aside / "pvdify.db").read_bytes() == damaged
    assert (aside / "config" / "shop" / "v1.sops.yaml").read_text() == "A: b"
    assert (settings.data_dir / "age.key").exists()


async def test_a_whole_database_is_not_replaced(settings: Settings):
    first = await started(settings)

    with pytest.raises(DatabaseExists, match="nothing was changed"):
        await begin_anew(settings)

    assert await started(settings) == first


async def test_starting_over_in_an_unused_directory_moves_nothing_aside(settings: Settings):
    await begin_anew(settings)

    assert not (await started(settings)).is_apart
