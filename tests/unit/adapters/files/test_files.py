"""Config versions and deploy logs on a real disk."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pvdify.adapters.files.credentials import FileCredentials
from pvdify.adapters.files.deploy_log import FileDeployLog
from pvdify.adapters.files.secrets import YamlSecrets
from pvdify.adapters.files.whole_file import write_whole
from pvdify.errors import StoreUnavailable
from pvdify.model.config import ConfigVar
from pvdify.model.deploy_log import EntryKind, LogEntry
from pvdify.model.instance import Secret

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
VALUES = {"A": "1", "MULTI": "a\nb\n", "ODD": "yes", "EMPTY": "", "UTF": "ü ☃", "QUOTE": "'\"\\"}


async def test_values_come_back_to_the_letter(tmp_path: Path):
    secrets = YamlSecrets(tmp_path)
    config = {name: ConfigVar(value=Secret(value)) for name, value in VALUES.items()}

    await secrets.write("shop", 1, config)

    assert await secrets.read("shop", 1) == config
    assert await secrets.read("shop", 0) == {}
    assert os.stat(tmp_path / "shop" / "v1.yaml").st_mode & 0o777 == 0o600


async def test_missing_version_is_an_error_that_says_so(tmp_path: Path):
    with pytest.raises(StoreUnavailable, match="config v7 of shop"):
        await YamlSecrets(tmp_path).read("shop", 7)


async def test_removed_config_is_gone(tmp_path: Path):
    secrets = YamlSecrets(tmp_path)
    await secrets.write("shop", 1, {})

    await secrets.remove("shop")

    assert list(tmp_path.iterdir()) == []


def test_whole_write_replaces_and_leaves_no_temporary_file(tmp_path: Path):
    file = tmp_path / "deep" / "file"

    write_whole(file, b"one")
    write_whole(file, b"two")

    assert file.read_bytes() == b"two"
    assert [it.name for it in file.parent.iterdir()] == ["file"]


async def test_log_keeps_entries_in_order_and_skips(tmp_path: Path):
    log = FileDeployLog(tmp_path)
    entries = [LogEntry(at=NOW, kind=EntryKind.OUTPUT, text=f"line {number}\n☃") for number in range(3)]
    for entry in entries:
        await log.append("shop", 1, entry)

    assert await log.read("shop", 1) == tuple(entries)
    assert await log.read("shop", 1, skip=2) == (entries[2],)
    assert await log.read("shop", 2) == ()


async def test_half_written_last_line_is_no_entry(tmp_path: Path):
    log = FileDeployLog(tmp_path)
    await log.append("shop", 1, LogEntry(at=NOW, kind=EntryKind.NOTE, text="x"))
    with open(tmp_path / "shop" / "v1.deploy.jsonl", "a") as stream:
        stream.write('{"at": "2026')

    assert len(await log.read("shop", 1)) == 1


async def test_who_watches_is_woken_by_an_entry_and_by_the_end(tmp_path: Path):
    log = FileDeployLog(tmp_path)
    first = log.watch("shop", 1)
    await log.append("shop", 1, LogEntry(at=NOW, kind=EntryKind.NOTE))
    second = log.watch("shop", 1)

    assert first.is_set()
    assert not second.is_set()
    log.end("shop", 1)
    assert second.is_set()


async def test_log_that_cannot_be_written_stops_nothing(tmp_path: Path):
    (tmp_path / "shop").write_text("in the way")

    await FileDeployLog(tmp_path).append("shop", 1, LogEntry(at=NOW, kind=EntryKind.NOTE))


async def test_keys_are_kept_for_root_alone_until_they_are_removed(tmp_path: Path):
    credentials = FileCredentials(tmp_path / "credentials")
    await credentials.write("posthog", {"key": Secret("phc_a")})

    kept = await credentials.read("posthog")

    assert kept == {"key": "phc_a"}
    assert "phc_a" not in repr(kept)
    assert (tmp_path / "credentials" / "posthog.json").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "credentials").stat().st_mode & 0o777 == 0o700
    await credentials.remove("posthog")
    await credentials.remove("posthog")
    assert await credentials.read("posthog") is None


async def test_keys_that_cannot_be_understood_are_an_error_and_not_none(tmp_path: Path):
    (tmp_path / "posthog.json").write_text("{")

    with pytest.raises(StoreUnavailable, match="the keys kept as posthog"):
        await FileCredentials(tmp_path).read("posthog")
