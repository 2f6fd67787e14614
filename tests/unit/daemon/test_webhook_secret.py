"""The secret with which GitHub signs webhooks."""

from pathlib import Path

import pytest

from pvdify.daemon.webhook_secret import FILE, ensure_webhook_secret, webhook_secrets
from pvdify.errors import InvalidSetting
from pvdify.settings import load


def settings(folder: Path):
    return load({"data_dir": str(folder)}, {}, folder / "none.toml")


def test_the_webhook_secret_is_created_once_and_readable_by_its_owner_only(tmp_path: Path):
    ensure_webhook_secret(settings(tmp_path))
    first = webhook_secrets(settings(tmp_path))

    ensure_webhook_secret(settings(tmp_path))

    assert webhook_secrets(settings(tmp_path)) == first
    assert len(first) == 1
    assert len(first[0]) == 64
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600


def test_two_webhook_secrets_are_valid_during_a_rotation(tmp_path: Path):
    ensure_webhook_secret(settings(tmp_path))
    old = webhook_secrets(settings(tmp_path))[0]

    (tmp_path / FILE).write_text(f"{old} new\n")

    assert webhook_secrets(settings(tmp_path)) == (old, "new")


def test_a_webhook_secret_that_others_can_read_is_refused(tmp_path: Path):
    ensure_webhook_secret(settings(tmp_path))
    (tmp_path / FILE).chmod(0o644)

    with pytest.raises(InvalidSetting, match="can be read by others"):
        webhook_secrets(settings(tmp_path))
