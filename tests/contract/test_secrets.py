"""Contract of the ``secrets`` port, which stores config versions."""

from pathlib import Path

import pytest

from pvdify.adapters.clock.clock import SystemClock
from pvdify.adapters.files.whole_file import write_whole
from pvdify.adapters.sops.key_files import KeyFiles
from pvdify.adapters.sops.secrets import SopsSecrets
from pvdify.adapters.sops.vault import Vault
from pvdify.errors import InvalidConfigFile, InvalidRecipient, StoreUnavailable
from pvdify.model.config import ConfigVar
from pvdify.model.instance import Secret
from pvdify.ports.secrets import Recipient, Secrets
from tests.fakes.secrets import FakeSecrets

TEXTS = {"A": "1", "MULTI": "a\nb\n", "ODD": "yes", "EMPTY": "", "UTF": "ü ☃", "QUOTE": "'\"\\", "KEY": "s3cr3t-value"}
CONFIG = {name: ConfigVar(value=Secret(text), is_secret=name == "KEY") for name, text in TEXTS.items()}
ADMIN = Recipient(name="admin", key="age1zu93ll9qgpw8ge0f5za65yvkkkva3e2fjla8jcf28h0mujhwa3kqk37uxx")


@pytest.fixture(params=["fake", "sops"])
def secrets(request: pytest.FixtureRequest, tmp_path: Path) -> Secrets:
    if request.param == "fake":
        return FakeSecrets()
    keys = KeyFiles(directory=tmp_path, write_whole=write_whole)
    vault = Vault((tmp_path / "config",), keys, SystemClock())
    vault.make_key_if_none_was_needed()
    return SopsSecrets(tmp_path / "config", vault)


async def test_config_vars_are_returned_unchanged_with_their_secret_marks(secrets):
    await secrets.write("shop", 1, CONFIG)
    await secrets.write("shop", 2, {})

    assert await secrets.read("shop", 1) == CONFIG
    assert await secrets.read("shop", 2) == {}
    assert await secrets.read("shop", 0) == {}


async def test_missing_version_is_an_error_that_names_it(secrets):
    with pytest.raises(StoreUnavailable, match="config v7 of shop"):
        await secrets.read("shop", 7)


async def test_versions_of_which_nothing_is_stored_are_listed(secrets):
    await secrets.write("shop", 1, CONFIG)

    assert await secrets.missing([("shop", 1), ("shop", 2), ("blog", 1)]) == [("shop", 2), ("blog", 1)]


async def test_config_is_removed(secrets):
    await secrets.write("shop", 1, CONFIG)
    await secrets.write("other", 1, CONFIG)

    await secrets.remove("shop")

    assert await secrets.read("other", 1) == CONFIG
    with pytest.raises(StoreUnavailable):
        await secrets.read("shop", 1)


async def test_file_that_is_no_sops_file_is_refused(secrets):
    with pytest.raises(InvalidConfigFile):
        await secrets.open_file("A: 1\n", "yaml")


async def test_rotation_changes_the_servers_key_and_no_value(secrets):
    await secrets.write("shop", 1, CONFIG)
    (before,) = await secrets.recipients()

    done = await secrets.rotate()

    assert done.documents == 1
    assert done.recipients == await secrets.recipients()
    assert done.recipients[0].key != before.key
    assert await secrets.read("shop", 1) == CONFIG


async def test_recipients_can_be_added_and_removed(secrets):
    (server,) = await secrets.recipients()

    await secrets.set_recipients((ADMIN,))
    both = await secrets.recipients()
    await secrets.set_recipients(())

    assert both == (server, ADMIN)
    assert await secrets.recipients() == (server,)


async def test_recipient_that_is_no_public_key_is_refused(secrets):
    with pytest.raises(InvalidRecipient):
        await secrets.set_recipients((Recipient(name="admin", key="bob@example.com"),))

    assert len(await secrets.recipients()) == 1
