"""Contract of the ``credentials`` port."""

from pathlib import Path

import pytest

from pvdify.adapters.clock.clock import SystemClock
from pvdify.adapters.files.whole_file import write_whole
from pvdify.adapters.sops.credentials import SopsCredentials
from pvdify.adapters.sops.key_files import KeyFiles
from pvdify.adapters.sops.vault import Vault
from pvdify.model.instance import Secret
from pvdify.ports.credentials import Credentials
from tests.fakes.credentials import FakeCredentials

KEYS = {"url": Secret("https://hooks.example.com/T0/s3cret"), "secret": Secret("whsec_ü☃'\"\\")}


@pytest.fixture(params=["fake", "sops"])
def credentials(request: pytest.FixtureRequest, tmp_path: Path) -> Credentials:
    if request.param == "fake":
        return FakeCredentials()
    directory = tmp_path / "credentials"
    vault = Vault((directory,), KeyFiles(directory=tmp_path, write_whole=write_whole), SystemClock())
    vault.make_key_if_none_was_needed()
    return SopsCredentials(directory, vault)


async def test_credentials_are_returned_unchanged(credentials: Credentials):
    await credentials.write("edge", KEYS)

    assert await credentials.read("edge") == KEYS


async def test_writing_replaces_earlier_credentials(credentials: Credentials):
    await credentials.write("edge", KEYS)
    await credentials.write("edge", {"token": Secret("new")})

    assert await credentials.read("edge") == {"token": Secret("new")}


async def test_unknown_and_removed_credentials_are_empty(credentials: Credentials):
    await credentials.write("edge", KEYS)
    await credentials.remove("edge")
    await credentials.remove("never-there")

    assert await credentials.read("edge") is None
    assert await credentials.read("never-there") is None


async def test_returned_credentials_are_a_copy(credentials: Credentials):
    await credentials.write("edge", KEYS)

    read = await credentials.read("edge")
    assert read is not None
    read["url"] = Secret("changed")

    assert await credentials.read("edge") == KEYS
