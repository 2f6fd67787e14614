"""Config versions on a real disk: modes, migration from clear files, rotation, lost keys."""

import asyncio
import os
from pathlib import Path

import pytest

from pvdify.adapters.files.whole_file import write_whole
from pvdify.adapters.sops import age_keys
from pvdify.adapters.sops.credentials import SopsCredentials
from pvdify.adapters.sops.document import open_text
from pvdify.adapters.sops.key_files import KeyFiles
from pvdify.adapters.sops.secrets import SopsSecrets
from pvdify.adapters.sops.vault import Vault
from pvdify.daemon.encryption import prepare_encryption
from pvdify.errors import InvalidConfigFile, SecretsLocked, StoreUnavailable
from pvdify.model.config import MOST_VARS, ConfigVar
from pvdify.model.instance import Secret
from pvdify.ports.secrets import OpenedFile, Recipient
from tests.fakes.clock import FakeClock

CONFIG = {"KEY": ConfigVar(value=Secret("s3cr3t-value"), is_secret=True), "LEVEL": ConfigVar(value=Secret("info"))}
ADMIN = age_keys.make_identity()
AS_RECIPIENT = Recipient(name="admin of nights", key=str(ADMIN.recipient))


def make(directory: Path) -> SopsSecrets:
    """A server's secrets as after its start."""
    keys = KeyFiles(directory=directory, write_whole=write_whole)
    vault = Vault((directory / "config", directory / "credentials"), keys, FakeClock())
    secrets = SopsSecrets(directory / "config", vault)
    prepare_encryption(vault, secrets, SopsCredentials(directory / "credentials", vault))
    return secrets


def credentials_of(directory: Path) -> SopsCredentials:
    """The service credentials, stored beside the configs."""
    keys = KeyFiles(directory=directory, write_whole=write_whole)
    return SopsCredentials(directory / "credentials", Vault((directory / "credentials",), keys, FakeClock()))


def opened_by(identity: age_keys.Identity, file: Path) -> dict[str, object]:
    return open_text(file.read_text(), "yaml", [identity]).documents[0]


async def test_files_are_readable_by_their_owner_only_and_contain_no_value(tmp_path):
    await make(tmp_path).write("shop", 1, CONFIG)

    file = tmp_path / "config" / "shop" / "v1.sops.yaml"
    assert [os.stat(it).st_mode & 0o777 for it in (file, tmp_path / "age.key")] == [0o600, 0o600]
    assert "s3cr3t-value" not in file.read_text()
    assert "info" not in file.read_text()
    assert [it.name for it in file.parent.iterdir()] == [file.name]


async def test_clear_files_of_earlier_versions_are_encrypted_at_the_first_start_and_removed(tmp_path):
    clear = tmp_path / "config" / "shop" / "v3.yaml"
    clear.parent.mkdir(parents=True)
    clear.write_text("KEY: s3cr3t-value\nODD: 'yes'\n")

    secrets = make(tmp_path)

    assert [it.name for it in clear.parent.iterdir()] == ["v3.sops.yaml"]
    assert await secrets.read("shop", 3) == {"KEY": ConfigVar(value=Secret("s3cr3t-value")),
                                             "ODD": ConfigVar(value=Secret("yes"))}  # fmt: skip


async def test_clear_file_that_cannot_be_read_stays_and_does_not_keep_the_server_from_starting(tmp_path):
    clear = tmp_path / "config" / "shop" / "v3.yaml"
    clear.parent.mkdir(parents=True)
    clear.write_text("- no mapping\n")

    make(tmp_path)

    assert clear.read_text() == "- no mapping\n"


async def test_a_file_that_is_no_text_does_not_keep_the_server_from_starting_and_is_refused(tmp_path):
    await make(tmp_path).write("shop", 1, CONFIG)
    (file,) = (tmp_path / "config" / "shop").iterdir()
    file.write_bytes(file.read_bytes() + b"\xff")

    secrets = make(tmp_path)

    with pytest.raises(StoreUnavailable, match="shop"):
        await secrets.read("shop", 1)


async def test_a_lost_key_is_never_replaced_and_works_again_once_restored(tmp_path):
    await make(tmp_path).write("shop", 1, CONFIG)
    key = (tmp_path / "age.key").read_bytes()
    (tmp_path / "age.key").unlink()

    secrets = make(tmp_path)
    with pytest.raises(SecretsLocked, match=r"age\.key") as lost:
        await secrets.read("shop", 1)
    with pytest.raises(SecretsLocked):
        await secrets.write("shop", 2, {})
    assert not (tmp_path / "age.key").exists()
    (tmp_path / "age.key").write_bytes(key)

    assert "put the key back" in lost.value.next
    assert await secrets.read("shop", 1) == CONFIG


async def test_a_wrong_key_names_the_recipient_of_the_file_and_changes_nothing(tmp_path):
    secrets = make(tmp_path)
    await secrets.write("shop", 1, CONFIG)
    (server,) = await secrets.recipients()
    before = (tmp_path / "config" / "shop" / "v1.sops.yaml").read_bytes()
    (tmp_path / "age.key").write_text(ADMIN.text)

    with pytest.raises(SecretsLocked) as wrong:
        await make(tmp_path).read("shop", 1)

    assert server.key in wrong.value.why
    assert (tmp_path / "config" / "shop" / "v1.sops.yaml").read_bytes() == before
    assert ADMIN.text not in wrong.value.render()


async def test_changed_file_is_refused_and_named(tmp_path):
    secrets = make(tmp_path)
    await secrets.write("shop", 1, CONFIG)
    file = tmp_path / "config" / "shop" / "v1.sops.yaml"
    file.write_text("".join(line for line in file.read_text().splitlines(keepends=True) if not line.startswith("KEY")))

    with pytest.raises(StoreUnavailable, match=str(file)) as refused:
        await secrets.read("shop", 1)

    assert "MAC does not match" in refused.value.why


async def test_rotation_leaves_no_file_for_the_old_key_and_keeps_that_for_old_backups(tmp_path):
    secrets = make(tmp_path)
    await secrets.set_recipients((AS_RECIPIENT,))
    for version in (1, 2):
        await secrets.write("shop", version, CONFIG)
    (old,) = age_keys.parse_identities((tmp_path / "age.key").read_text())

    done = await secrets.rotate()

    assert (done.documents, done.recipients[1]) == (2, AS_RECIPIENT)
    (new,) = age_keys.parse_identities((tmp_path / "age.key").read_text())
    assert new.recipient == done.recipients[0].key
    assert age_keys.parse_identities((tmp_path / "age.retired.key").read_text()) == (old,)
    for version in (1, 2):
        file = tmp_path / "config" / "shop" / f"v{version}.sops.yaml"
        assert opened_by(new, file) == opened_by(ADMIN, file)
        with pytest.raises(Exception, match="none of the keys here"):
            opened_by(old, file)


async def test_reading_never_fails_while_keys_are_rotated(tmp_path):
    secrets = make(tmp_path)
    for version in range(1, 6):
        await secrets.write("shop", version, CONFIG)
    rotations = asyncio.gather(*(secrets.rotate() for _ in range(3)))

    reads = 0
    while not rotations.done():
        assert await secrets.read("shop", 1 + reads % 5) == CONFIG
        reads += 1

    assert reads > 0
    await rotations


async def test_rotation_that_cannot_open_a_file_keeps_every_key_and_names_it(tmp_path):
    secrets = make(tmp_path)
    await secrets.write("shop", 1, CONFIG)
    await secrets.write("other", 1, CONFIG)
    file = tmp_path / "config" / "other" / "v1.sops.yaml"
    damaged = file.read_text().replace("type:str", "type:int", 1)
    file.write_text(damaged)

    with pytest.raises(SecretsLocked, match="1 of 2") as failed:
        await secrets.rotate()

    assert str(file) in failed.value.why
    assert file.read_text() == damaged
    assert len(age_keys.parse_identities((tmp_path / "age.key").read_text())) == 2
    assert await secrets.read("shop", 1) == CONFIG


async def test_rotation_that_was_cut_short_is_completed_at_the_next_start(tmp_path):
    secrets = make(tmp_path)
    await secrets.write("shop", 1, CONFIG)
    keys = KeyFiles(directory=tmp_path, write_whole=write_whole)
    new = age_keys.make_identity()
    keys.write_identities((new, *keys.identities()))

    make(tmp_path)

    assert opened_by(new, tmp_path / "config" / "shop" / "v1.sops.yaml")


async def test_a_removed_recipient_can_open_no_file(tmp_path):
    secrets = make(tmp_path)
    await secrets.write("shop", 1, CONFIG)
    file = tmp_path / "config" / "shop" / "v1.sops.yaml"
    await secrets.set_recipients((AS_RECIPIENT,))
    assert opened_by(ADMIN, file)["KEY"] == "s3cr3t-value"

    await secrets.set_recipients(())

    with pytest.raises(Exception, match="none of the keys here"):
        opened_by(ADMIN, file)
    assert await secrets.read("shop", 1) == CONFIG


async def test_an_operators_file_opens_with_its_secret_marks(tmp_path):
    secrets = make(tmp_path)
    await secrets.write("shop", 1, CONFIG)
    text = (tmp_path / "config" / "shop" / "v1.sops.yaml").read_text()

    brought = await secrets.open_file(text, "yaml")

    assert brought == OpenedFile(
        values={"KEY": Secret("s3cr3t-value"), "LEVEL": Secret("info")}, marked=frozenset({"KEY"})
    )


async def test_an_imported_file_for_another_recipient_says_how_to_add_the_server(tmp_path):
    other = make(tmp_path / "other")
    await other.write("shop", 1, CONFIG)
    text = (tmp_path / "other" / "config" / "shop" / "v1.sops.yaml").read_text()

    with pytest.raises(InvalidConfigFile) as refused:
        await make(tmp_path).open_file(text, "yaml")

    assert "--add-age" in refused.value.next


async def test_recovery_key_in_place_of_a_lost_one_opens_everything_and_is_rotated_out(tmp_path):
    secrets = make(tmp_path)
    await secrets.set_recipients((AS_RECIPIENT,))
    await secrets.write("shop", 1, CONFIG)
    (tmp_path / "age.key").write_text(ADMIN.text)

    restored = make(tmp_path)
    await restored.rotate()

    assert await restored.read("shop", 1) == CONFIG
    (new,) = age_keys.parse_identities((tmp_path / "age.key").read_text())
    assert new != ADMIN
    assert opened_by(new, tmp_path / "config" / "shop" / "v1.sops.yaml")["KEY"] == "s3cr3t-value"


async def test_file_from_before_a_rotation_can_still_be_imported(tmp_path):
    secrets = make(tmp_path)
    await secrets.write("shop", 1, CONFIG)
    text = await secrets.text("shop", 1)
    await secrets.rotate()

    brought = await secrets.open_file(text, "yaml")

    assert brought.values["KEY"] == "s3cr3t-value"


async def test_service_credentials_are_encrypted_and_rotated_with_configs(tmp_path):
    make(tmp_path)
    credentials = credentials_of(tmp_path)
    await credentials.write("posthog", {"key": Secret("phx_s3cr3t"), "host": Secret("reg.example.com:5000")})
    file = tmp_path / "credentials" / "posthog.sops.yaml"
    before = file.read_text()

    done = await make(tmp_path).rotate()

    assert (done.documents, file.stat().st_mode & 0o777) == (1, 0o600)
    assert "phx_s3cr3t" not in before + file.read_text()
    assert await credentials.read("posthog") == {"key": "phx_s3cr3t", "host": "reg.example.com:5000"}
    await credentials.remove("posthog")
    await credentials.remove("posthog")
    assert await credentials.read("posthog") is None


async def test_clear_service_credentials_are_encrypted_at_the_first_start_and_removed(tmp_path):
    clear = tmp_path / "credentials" / "posthog.json"
    clear.parent.mkdir()
    clear.write_text('{"key": "phx_s3cr3t"}')

    make(tmp_path)

    assert [it.name for it in clear.parent.iterdir()] == ["posthog.sops.yaml"]
    assert await credentials_of(tmp_path).read("posthog") == {"key": "phx_s3cr3t"}


async def test_changed_service_credentials_are_an_error_and_not_empty(tmp_path):
    make(tmp_path)
    credentials = credentials_of(tmp_path)
    await credentials.write("posthog", {"key": Secret("phx_s3cr3t")})
    file = tmp_path / "credentials" / "posthog.sops.yaml"
    file.write_text(file.read_text().replace("key:", "other:"))

    with pytest.raises(StoreUnavailable, match=str(file)):
        await credentials.read("posthog")


async def test_the_largest_config_can_be_read_again(tmp_path):
    secrets = make(tmp_path)
    largest = {f"K{number}": ConfigVar(value=Secret(f"value-{number}"), is_secret=True) for number in range(MOST_VARS)}

    await secrets.write("shop", 1, largest)

    assert await secrets.read("shop", 1) == largest
