"""Backups of the server: their content, what is refused, and that a restore moves old files aside."""

import io
import sqlite3
import tarfile
from contextlib import closing
from pathlib import Path

import pytest

from pvdify.adapters.sqlite.queries import migrations
from pvdify.errors import BackupUnusable, NotConfirmed, NotInstalled
from pvdify.installation import archive, backing_up, restoring
from pvdify.installation.layout import Layout
from pvdify.wire.installation import Restore
from tests.unit.installation.conftest import Site

ADD_APP = "INSERT INTO apps (name, created_at, updated_at, is_in_maintenance) VALUES (?, 'x', 'x', 0)"
ADD_TOKEN = (
    "INSERT INTO tokens (id, name, role, digest, created_at, created_by) VALUES ('a1b2', 'n', 'admin', 'd', 'x', 'y')"
)
CONFIG = Path("config", "shop", "v1.sops.yaml")


def make_server(layout: Layout, *, apps: int = 1) -> None:
    """Make a data directory like that of a stopped server."""
    data = layout.settings.data_dir
    for name in (str(CONFIG), "logs/shop/v1.deploy.jsonl", "logs/shop/web.log", "router/hosts.map", "age.key",
                 "admin.token", "credentials/posthog.json", "edge/tunnel.env",
                 "pvdifyd.lock", "pvdify.db.before-v3", "before-restore-x/pvdify.db"):  # fmt: skip
        (data / name).parent.mkdir(parents=True, exist_ok=True)
        (data / name).write_text(f"content of {name}")
    (data / "run").symlink_to("/run/pvdify")
    with closing(sqlite3.connect(data / "pvdify.db")) as database:
        database.executescript("".join(migrations()))
        database.execute(f"PRAGMA user_version = {len(migrations())}")
        for number in range(apps):
            database.execute(ADD_APP, (f"a{number}",))
        database.commit()
    layout.settings_file.parent.mkdir(exist_ok=True)
    layout.settings_file.write_text('base_domain = "apps.example.com"\n')


def back_up(layout: Layout, file: Path, *, with_keys: bool = False) -> Path:
    about, contents = backing_up.collect(layout.settings, layout.settings_file, with_keys=with_keys)
    archive.write(file, contents, about)
    return file


def elsewhere(site: Site) -> Layout:
    return site.layout(data_dir=str(site.folder / "elsewhere"))


def restore(file: Path, layout: Layout, *, is_replacing: bool = False) -> Path | None:
    about, contents = archive.read(file)
    restoring.check_backup(Restore(file=str(file), is_replacing=is_replacing), about, contents, layout)
    return restoring.put_in_place(contents, layout)


KEYS = {"data/age.key", "data/admin.token", "data/credentials/posthog.json", "data/edge/tunnel.env"}


@pytest.mark.parametrize(("with_keys", "keys"), [(False, set()), (True, KEYS)])
def test_a_backup_contains_irreplaceable_files_and_keys_on_request(site: Site, with_keys: bool, keys: set[str]) -> None:
    make_server(site.layout())

    about, contents = archive.read(back_up(site.layout(), site.folder / "b.tar.gz", with_keys=with_keys))

    assert set(contents) == {
        "pvdify.db", "settings.toml", f"data/{CONFIG}", "data/logs/shop/v1.deploy.jsonl", *keys,
    }  # fmt: skip
    assert (about.format, about.schema, about.has_keys) == (1, len(migrations()), with_keys)


def test_a_backup_is_readable_by_its_owner_only_and_overwrites_nothing(site: Site) -> None:
    make_server(site.layout())
    file = back_up(site.layout(), site.folder / "b.tar.gz")

    assert file.stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError):
        back_up(site.layout(), file)
    assert [path.name for path in site.folder.iterdir() if path.name.startswith(".")] == []


def test_a_backup_taken_during_writes_has_all_acknowledged_writes(site: Site) -> None:
    make_server(site.layout())
    with closing(sqlite3.connect(site.layout().settings.data_dir / "pvdify.db")) as writer:
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute(ADD_APP, ("saved",))
        writer.commit()
        writer.execute(ADD_APP, ("not yet",))

        file = back_up(site.layout(), site.folder / "b.tar.gz", with_keys=True)

    restore(file, elsewhere(site))
    with closing(sqlite3.connect(site.folder / "elsewhere" / "pvdify.db")) as copy:
        assert [name for (name,) in copy.execute("SELECT name FROM apps ORDER BY name")] == ["a0", "saved"]


def test_a_backup_without_a_server_is_refused(site: Site) -> None:
    with pytest.raises(NotInstalled):
        backing_up.collect(site.layout().settings, site.layout().settings_file, with_keys=False)


def test_a_restore_on_another_machine_restores_everything(site: Site) -> None:
    make_server(site.layout())

    aside = restore(back_up(site.layout(), site.folder / "b.tar.gz", with_keys=True), elsewhere(site))

    data = site.folder / "elsewhere"
    assert aside is None
    assert (data / CONFIG).read_text() == f"content of {CONFIG}"
    assert (data / "age.key").stat().st_mode & 0o777 == 0o600
    kept = ["admin.token", "age.key", "config", "credentials", "edge", "logs", "pvdify.db"]
    assert sorted(path.name for path in data.iterdir()) == kept


def test_a_restore_moves_old_files_aside_and_keeps_the_key(site: Site) -> None:
    make_server(site.layout())
    file = back_up(site.layout(), site.folder / "b.tar.gz")
    data = site.layout().settings.data_dir
    (data / CONFIG).write_text("newer")

    aside = restore(file, site.layout(), is_replacing=True)

    assert aside is not None
    assert (aside / CONFIG).read_text() == "newer"
    assert (data / CONFIG).read_text() == f"content of {CONFIG}"
    assert (data / "age.key").read_text() == "content of age.key"
    assert (data / "router" / "hosts.map").exists()
    assert (aside / "admin.token").exists()  # of a server that the backup knows nothing of


def test_an_admin_token_in_the_backup_stays_valid(site: Site) -> None:
    make_server(site.layout())
    data = site.layout().settings.data_dir
    with closing(sqlite3.connect(data / "pvdify.db")) as database:
        database.execute(ADD_TOKEN)
        database.commit()
    (data / "admin.token").write_text("pvd_a1b2_rest\n")

    restore(back_up(site.layout(), site.folder / "b.tar.gz"), site.layout(), is_replacing=True)

    assert (data / "admin.token").read_text() == "pvd_a1b2_rest\n"


def test_existing_apps_are_not_replaced_unless_requested(site: Site) -> None:
    make_server(site.layout(), apps=2)
    file = back_up(site.layout(), site.folder / "b.tar.gz")

    with pytest.raises(NotConfirmed, match="2 apps"):
        restore(file, site.layout())


def test_secrets_without_their_key_are_refused_before_anything_is_moved(site: Site) -> None:
    make_server(site.layout())
    file = back_up(site.layout(), site.folder / "b.tar.gz")

    with pytest.raises(BackupUnusable) as refused:
        restore(file, elsewhere(site))

    assert f"{site.folder}/elsewhere/age.key" in refused.value.next
    assert not (site.folder / "elsewhere").exists()


def test_a_backup_of_a_newer_schema_is_refused(site: Site) -> None:
    make_server(site.layout())
    with closing(sqlite3.connect(site.layout().settings.data_dir / "pvdify.db")) as database:
        database.execute("PRAGMA user_version = 999")
    file = back_up(site.layout(), site.folder / "b.tar.gz", with_keys=True)

    with pytest.raises(BackupUnusable, match="newer pvdify"):
        restore(file, elsewhere(site))


def test_a_cut_or_changed_backup_is_refused(site: Site) -> None:
    make_server(site.layout())
    whole = back_up(site.layout(), site.folder / "b.tar.gz").read_bytes()
    cut = site.folder / "cut.tar.gz"
    cut.write_bytes(whole[: len(whole) // 2])
    about, contents = archive.read(site.folder / "b.tar.gz")
    changed = site.folder / "changed.tar.gz"
    archive.write(changed, contents | {"data/extra": b"x"}, about)

    for file in (cut, changed, site.folder / "none.tar.gz"):
        with pytest.raises(BackupUnusable):
            archive.read(file)


@pytest.mark.parametrize(
    ("path", "is_key"),
    [
        ("age.key", True), ("age.key.retired", True), ("admin.token", True), ("github-webhook.secret", True),
        ("credentials", True), ("credentials/ghcr.io.json", True), ("edge/tunnel.env", True),
        ("credentials/ghcr.io.sops.yaml", False), ("age.recipients", False), ("config/shop/v1.sops.yaml", False),
        ("config/shop/admin.token", False), (".age.key.4711", True), (".admin.token.99", True),
        (".pvdify.lock", False),
    ],
)  # fmt: skip
def test_unencrypted_secret_files_count_as_keys(path: str, is_key: bool) -> None:
    assert archive.is_key(Path(path)) is is_key


@pytest.mark.parametrize("name", ["data/../../etc/passwd", "data//etc/passwd", "elsewhere", "settings.toml"])
def test_archive_members_outside_the_data_directory_are_refused(name: str) -> None:
    assert archive.path_in_data(name) is None


def test_an_archive_can_be_read_by_tar(site: Site) -> None:
    make_server(site.layout())

    with tarfile.open(back_up(site.layout(), site.folder / "b.tar.gz")) as opened:
        assert opened.getnames()[:2] == ["about.json", "pvdify.db"]
        assert {member.mode for member in opened.getmembers()} == {0o600}


def test_a_decompression_bomb_is_refused(site: Site, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(archive, "SMALLEST_BOUND", 1024 * 1024)  # so that the test needs no 256 MiB
    bomb = site.folder / "bomb.tar.gz"
    with tarfile.open(bomb, "w:gz") as packed:
        member = tarfile.TarInfo(archive.ABOUT)
        member.size = 32 * 1024 * 1024
        packed.addfile(member, io.BytesIO(bytes(member.size)))

    with pytest.raises(BackupUnusable) as caught:
        archive.read(bomb)

    assert "unpacks to more than" in caught.value.why


def test_links_in_an_archive_are_not_followed(site: Site):
    layout = site.layout()
    make_server(layout)
    good = back_up(layout, site.folder / "good.tar.gz")
    with tarfile.open(good) as packed:
        members = [(member, packed.extractfile(member).read()) for member in packed]  # type: ignore[union-attr]
    linked = site.folder / "linked.tar.gz"
    with tarfile.open(linked, "w:gz") as packed:
        for member, content in members:
            packed.addfile(member, io.BytesIO(content))
        link = tarfile.TarInfo("data/config/shop/v2.sops.yaml")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/shadow"
        packed.addfile(link)

    _, contents = archive.read(linked)

    assert "data/config/shop/v2.sops.yaml" not in contents
